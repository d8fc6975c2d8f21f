import assert from "node:assert/strict"
import { AIMessage, type BaseMessage } from "@langchain/core/messages"
import { Command } from "@langchain/langgraph"
import { describe, test } from "vitest"
import { script } from "../../langchain/test/script-model.ts"
import { at, stageOf, toolMessages } from "../test/stage.ts"
import { type Variety, varieties } from "../test/varieties.ts"
import { decisionOf, pendingDecisions, resumeCommand } from "./index.ts"

const call = (id: string, price: number, name = "search") => ({ id, name, args: { price } })
const say = (...calls: ReturnType<typeof call>[]) => ({ messages: [script(calls)] })
const names = Object.keys(varieties) as Variety[]

/** A ToolNode that is given all calls of a message leaves out those whose ids were ever answered. */
const skipsKnownIds = (variety: Variety) => /v1|one task/.test(variety)

const cases = names.flatMap((variety) => [[variety, "memory"] as const, [variety, "SQLite"] as const])

describe.each(cases)("A paid call behind %s, kept in %s", (variety, saver) => {
  test("runs for no answer but the ledger's, whichever pause it is given to", async () => {
    await using stage = await stageOf(variety, saver)
    const { graph, desk, service } = stage
    await graph.invoke(say(call("c1", 21), call("c2", 22, "order")), at("t"))
    const [first] = await desk.pending()
    assert(first !== undefined)
    await desk.approve(first)
    const { tasks } = await graph.getState(at("t"))
    const ids: string[] = tasks.flatMap((task: { interrupts: { id: string }[] }) =>
      task.interrupts.map(({ id }) => id),
    )
    const swapped = Object.fromEntries(ids.map((id) => [id, { nornr: first.id, status: "approved" }]))
    await graph.invoke(new Command({ resume: swapped }), at("t"))
    await graph.invoke(new Command({ resume: "yes" }), at("t"))
    await service.requested(first.to === "order.example" ? "order" : "search", 1)
    const bought = first.to === "order.example" ? [0, 1] : [1, 0]
    assert.deepEqual([service.count("search"), service.count("order")], bought)
  })

  test("runs once, its pause resumed five times at once and five times after", async () => {
    await using stage = await stageOf(variety, saver)
    const { graph, desk, service } = stage
    const paused = await graph.invoke(say(call("c1", 30)), at("t"))
    const [decision] = pendingDecisions(paused)
    assert(decision !== undefined)
    await desk.approve(decision)
    const command = await resumeCommand(graph, at("t"))
    const five = Array.from({ length: 5 }, () => graph.invoke(command, at("t")))
    await Promise.allSettled(five)
    for (let again = 0; again < 5; again++) await graph.invoke(command, at("t")).catch(() => undefined)
    assert.equal(service.count("search"), 1)
  })

  test("is the same on a fork after the message that asked, and another on one before", async () => {
    await using stage = await stageOf(variety, saver)
    const { graph, service } = stage
    await graph.invoke(say(call("c1", 5)), at("t"))
    const history: { values: { messages: BaseMessage[] }; next: string[]; config: object }[] =
      await Array.fromAsync(
        (graph as unknown as { getStateHistory(config: object): AsyncIterable<never> }).getStateHistory(
          at("t"),
        ),
      )
    const isAsking = ({ values, next }: (typeof history)[number]) =>
      (values.messages?.at(-1) as AIMessage | undefined)?.tool_calls?.length === 1 && next.length > 0
    const after = history.find(isAsking)
    assert(after !== undefined)
    const replayed = await graph.invoke(null, after.config)
    assert.equal(service.count("search"), 1)
    assert.equal(decisionOf(toolMessages(replayed)[0])?.execution.settled, "5.00")
    const before = history.find(({ values, next }) => values.messages?.length === 1 && next.length > 0)
    assert(before !== undefined)
    await graph.invoke(null, before.config)
    assert.equal(service.count("search"), 2)
  })

  test("is a new one in each turn, though the model repeats its ids and arguments", async () => {
    await using stage = await stageOf(variety, saver)
    const { graph, service } = stage
    for (let turn = 1; turn <= 3; turn++) {
      await graph.invoke(say(call("call_0", 5)), at("t"))
      assert.equal(service.count("search"), skipsKnownIds(variety) ? 1 : turn)
    }
    const before = service.count("search")
    await graph.invoke(say(call("call_0", 5)), at("another thread"))
    assert.equal(service.count("search"), before + 1)
  })

  test("is approved for its arguments alone", async () => {
    await using stage = await stageOf(variety, saver)
    const { graph, desk, service } = stage
    await graph.invoke(say(call("c1", 30)), at("t"))
    const [decision] = await desk.pending()
    assert(decision !== undefined)
    await desk.approve(decision)
    const { messages } = (await graph.getState(at("t"))).values
    const { id, name } = messages.at(-1)
    const edited = new AIMessage({
      id,
      name,
      content: "",
      tool_calls: [{ ...call("c1", 29), type: "tool_call" }],
    })
    const asking = { "a gate": "model", "a governed node": "model" }[variety as string]
    const node = asking ?? (variety.includes("ToolNode") ? "model" : "model_request")
    const forked = await (
      graph as unknown as { graph?: typeof graph; updateState(...args: unknown[]): Promise<object> }
    ).updateState?.(at("t"), { messages: [edited] }, node)
    const said = await graph.invoke(null, forked ?? at("t")).catch((error: unknown) => ({ error }))
    assert.equal(service.count("search"), 0)
    assert.match(
      JSON.stringify(said, (_, field) => (field instanceof Error ? field.message : field)),
      /with other (tool or )?arguments/,
    )
  })

  test("that waits keeps none of its siblings from ending, and none runs again", async () => {
    await using stage = await stageOf(variety, saver)
    const { graph, desk, service } = stage
    await graph.invoke(say(call("c1", 5), call("c2", 30, "order"), call("c3", 6)), at("t"))
    await service.requested("search", 2)
    const [decision] = await desk.pending()
    assert(decision !== undefined)
    await desk.approve(decision)
    const done = await graph.invoke(await resumeCommand(graph, at("t")), at("t"))
    assert.deepEqual([service.count("search"), service.count("order")], [2, 1])
    assert.deepEqual(
      toolMessages(done)
        .map(({ tool_call_id }) => tool_call_id)
        .sort(),
      ["c1", "c2", "c3"],
    )
    assert(toolMessages(done).every((message) => decisionOf(message)?.status === "approved"))
  })
})
