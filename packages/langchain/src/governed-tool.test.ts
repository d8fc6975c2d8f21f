import assert from "node:assert/strict"
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages"
import { Command, MemorySaver } from "@langchain/langgraph"
import { createAgent, tool } from "langchain"
import { describe, test } from "vitest"
import { z } from "zod"
import { at, messageOf, say, stageOf } from "../test/agent-stage.ts"
import { ScriptModel, script } from "../test/script-model.ts"
import { decisionOf, governedTool, resumeCommand, walletMiddleware } from "./index.ts"

describe("A governed tool", () => {
  test("that is governed twice asks once, and runs once", async () => {
    const { wallet, buy, terms, counted } = await stageOf()
    const twice = governedTool(governedTool(buy, { ...terms, wallet }), { ...terms, wallet })
    const agent = createAgent({ model: new ScriptModel(), tools: [twice], checkpointer: new MemorySaver() })
    const message = messageOf(await agent.invoke(say(5), at))
    assert.equal(decisionOf(message)?.execution.settled, "5.00")
    assert.equal(counted.runs, 1)
    assert.equal((await wallet.balance()).limits[0]?.settled, "5.00")
  })

  test("puts on record what shows it, and its decision carries that", async () => {
    const { wallet, buy, terms } = await stageOf()
    const evidence = (_result: unknown, { price }: { price: number }) => ({
      kind: "order",
      url: `urn:order:${price}`,
    })
    const paid = governedTool(buy, { ...terms, wallet, evidence })
    const agent = createAgent({ model: new ScriptModel(), tools: [paid], checkpointer: new MemorySaver() })
    const decision = decisionOf(messageOf(await agent.invoke(say(5), at)))
    assert.deepEqual(
      decision?.evidence?.map(({ kind, url }) => [kind, url]),
      [["order", "urn:order:5"]],
    )
  })

  test("in a thread without a name cannot wait, and holds nothing", async () => {
    const { wallet, desk, buy, terms } = await stageOf()
    const tools = [governedTool(buy, { ...terms, wallet })]
    const agent = createAgent({ model: new ScriptModel(), tools, checkpointer: new MemorySaver() })
    await agent.invoke(say(30)).catch(() => undefined)
    assert.deepEqual(await desk.pending(), [])
  })

  test("tells the model what the reviewer said", async () => {
    const { agentWith, gate, desk } = await stageOf()
    const agent = agentWith(gate)
    await agent.invoke(say(30), at)
    await desk.reject((await desk.pending())[0] as never, { comment: "too dear" })
    const command = await resumeCommand(agent, at)
    assert(command !== undefined)
    assert.match(
      messageOf(await agent.invoke(command, at)).text,
      /test-reviewer rejected it\. They say: too dear/,
    )
  })

  test("that asks a person itself gets that answer, not the one that ended its review", async () => {
    const { wallet, desk, terms } = await stageOf()
    const { interrupt } = await import("@langchain/langgraph")
    const asks = tool(async () => `answered ${JSON.stringify(interrupt("sure?"))}`, {
      name: "buy",
      description: "d",
      schema: z.object({ price: z.number() }),
    })
    const tools = [governedTool(asks, { ...terms, wallet })]
    const agent = createAgent({ model: new ScriptModel(), tools, checkpointer: new MemorySaver() })
    await agent.invoke(say(30), at)
    await desk.approve((await desk.pending())[0] as never)
    const command = await resumeCommand(agent, at)
    assert(command !== undefined)
    const asked = await agent.invoke(command, at)
    assert.match(JSON.stringify(asked), /"value":"sure\?"/)
    const done = await agent.invoke(new Command({ resume: "go" }), at)
    assert.equal(messageOf(done).text, 'answered "go"')
    assert.equal(decisionOf(messageOf(done))?.execution.settled, "30.00")
  })

  test("called twice by another tool of its name runs twice, for the arguments of each", async () => {
    const { wallet } = await stageOf()
    const schema = z.object({ price: z.number() })
    const runs: number[] = []
    const inner = governedTool(
      tool(async ({ price }) => `page ${runs.push(price)}`, { name: "buy", description: "d", schema }),
      { wallet, amount: ({ price }) => price, to: "vendor" },
    )
    const outer = tool(
      async (_args, config) =>
        JSON.stringify([await inner.invoke({ price: 1 }, config), await inner.invoke({ price: 2 }, config)]),
      { name: "buy", description: "d", schema },
    )
    const agent = createAgent({ model: new ScriptModel(), tools: [outer], checkpointer: new MemorySaver() })
    await agent.invoke(say(7), at)
    assert.deepEqual(runs, [1, 2])
  })

  test("takes call ids as long as some providers make them", async () => {
    const { wallet, desk, buy, terms, counted } = await stageOf()
    const tools = [governedTool(buy, { ...terms, wallet })]
    const agent = createAgent({ model: new ScriptModel(), tools, checkpointer: new MemorySaver() })
    const calls = ["a", "b"].map((end) => ({
      id: `${"x".repeat(3000)}${end}`,
      name: "buy",
      args: { price: 21 },
    }))
    await agent.invoke({ messages: [script(calls)] }, at)
    for (const decision of await desk.pending()) await desk.approve(decision)
    const command = await resumeCommand(agent, at)
    assert(command !== undefined)
    await agent.invoke(command, at)
    assert.equal(counted.runs, 2)
  })

  test("runs no decision that a model has only named by its id", async () => {
    const { wallet, desk, buy, terms, counted } = await stageOf()
    const governed = governedTool(buy, { ...terms, wallet })
    const error: unknown = await governed.invoke({ price: 30 }).catch((thrown: unknown) => thrown)
    const decision = decisionOf(error)
    await desk.approve(decision as never)
    const agent = createAgent({
      model: new ScriptModel(),
      tools: [governed],
      checkpointer: new MemorySaver(),
    })
    const calls = [{ id: decision?.id as string, name: "buy", args: { price: 30 } }]
    await agent.invoke({ messages: [script(calls)] }, at)
    assert.equal(counted.runs, 0)
  })

  test("that gives the graph messages of several calls carries its decision on its own alone", async () => {
    const { wallet, terms } = await stageOf()
    const own = tool(
      async (_args, { toolCall }) => {
        const ids = ["c0", toolCall?.id ?? ""]
        return new Command({
          update: { messages: ids.map((id) => new ToolMessage({ content: id, tool_call_id: id })) },
        })
      },
      { name: "buy", description: "d", schema: z.object({ price: z.number() }) },
    )
    const tools = [governedTool(own, { ...terms, wallet })]
    const agent = createAgent({ model: new ScriptModel(), tools, checkpointer: new MemorySaver() })
    const { messages } = await agent.invoke(say(5), at)
    const given = messages.filter((message) => ToolMessage.isInstance(message))
    assert.deepEqual(
      given.map((message) => decisionOf(message)?.status),
      [undefined, "approved"],
    )
  })

  test("is charged what its result says, wrapped or named in the middleware", async () => {
    const { wallet, agentWith, buy, terms } = await stageOf(() => ({ billed: 3 }))
    const charged = ({ billed }: { billed: number }) => billed
    const wrapped = createAgent({
      model: new ScriptModel(),
      tools: [governedTool(buy, { ...terms, wallet, charged: charged as never })],
      checkpointer: new MemorySaver(),
    })
    const gate = walletMiddleware({ wallet, tools: { buy: { ...terms, charged } } })
    for (const agent of [wrapped, agentWith(gate)]) {
      const message = messageOf(
        await agent.invoke(say(5), { configurable: { thread_id: crypto.randomUUID() } }),
      )
      assert.equal(decisionOf(message)?.execution.settled, "3.00")
    }
  })

  test("whose model gave its call no id is refused inside an agent", async () => {
    const { buy, terms, wallet, counted } = await stageOf()
    const model = new ScriptModel((messages) =>
      messages.at(-1)?.getType() === "human"
        ? new AIMessage({ content: "", tool_calls: [{ name: "buy", args: { price: 5 } }] })
        : new AIMessage("done"),
    )
    const agent = createAgent({
      model,
      tools: [governedTool(buy, { ...terms, wallet })],
      checkpointer: new MemorySaver(),
    })
    const said = await agent.invoke({ messages: [new HumanMessage("go")] }, at).catch(String)
    assert.match(JSON.stringify(said), /gave its call of buy no id/)
    assert.equal(counted.runs, 0)
  })

  test("called by its user's code is a new spend each time, and an error that carries the decision where it must wait", async () => {
    const { wallet, desk, terms, buy, counted } = await stageOf()
    const governed = governedTool(buy, { ...terms, wallet })
    assert.equal(await governed.invoke({ price: 5 }), "run 1")
    assert.equal(await governed.invoke({ price: 5 }), "run 2")
    const error: unknown = await governed.invoke({ price: 30 }).catch((thrown: unknown) => thrown)
    const decision = decisionOf(error)
    assert.equal(decision?.status, "queued")
    assert.match(
      String(error),
      /buy: Not run: it waits for a reviewer, and its amount is held.*run it with invoke/,
    )
    const run = () =>
      governed.invoke({ type: "tool_call", id: decision?.id as string, name: "buy", args: { price: 30 } })
    assert.equal(decisionOf(await run())?.status, "queued")
    await desk.approve(decision as never)
    assert.equal((await run()).text, "run 3")
    assert.equal(counted.runs, 3)
    await assert.rejects(governed.invoke({ price: 60 }), { code: "not_approved" })
  })

  test("called with a tool call and a thread is one spend, before and after its review", async () => {
    const { wallet, desk, terms, buy, counted } = await stageOf()
    const governed = governedTool(buy, { ...terms, wallet })
    const run = (id: string, price: number) =>
      governed.invoke({ type: "tool_call", id, name: "buy", args: { price } }, at)
    assert.equal(decisionOf(await run("c1", 10))?.status, "approved")
    const queued = decisionOf(await run("c2", 30))
    assert.equal(queued?.status, "queued")
    await desk.approve(queued as never)
    assert.equal(decisionOf(await run("c2", 30))?.execution.state, "settled")
    assert.equal(decisionOf(await run("c2", 30))?.replayed, true)
    assert.equal(counted.runs, 2)
  })
})
