import assert from "node:assert/strict"
import { Agent, MemorySession, RunState, run, toolNamespace, user } from "@openai/agents"
import {
  assistantMessage,
  functionCall,
  ScriptedModel,
  type ScriptedModelInput,
} from "@openai/agents/testing"
import { describe, test } from "vitest"
import { z } from "zod"
import { type AnyTool, outputsOf } from "../test/agent-app.ts"
import { buyOf, call, stage, terms, textsOf } from "../test/stage.ts"
import { decisionOf, decisionsOf, governedTool, pendingDecisions } from "./index.ts"

const done = (text = "Done.") => [assistantMessage(text)]
const script = (...turns: ScriptedModelInput[]) => new ScriptedModel(turns)

/** Two buyers that share one tool, and a manager that asks both at once. */
function team(buy: AnyTool, calls: readonly (readonly [string, number])[], isFirst = true) {
  const parameters = z.object({ task: z.string() })
  const buyers = calls.map(
    ([name, price], index) =>
      new Agent({
        name,
        tools: [buy],
        model: isFirst ? script([call(price)], done()) : script(done()),
        handoffDescription: `${index}`,
      }),
  )
  const tools = buyers.map((buyer, index) => {
    const shape = { toolName: buyer.name, toolDescription: "buys" }
    return index === 0 ? buyer.asTool({ ...shape, parameters }) : buyer.asTool(shape)
  })
  const asked = tools.map(({ name }, index) =>
    functionCall(name, (index === 0 ? { task: "go" } : { input: "go" }) as never, { callId: `ask ${name}` }),
  )
  const model = isFirst ? script(asked, done("All bought.")) : script(done("All bought."))
  return new Agent({ name: "manager", tools, model })
}

describe("Agents that are tools of a manager", () => {
  test("share a tool, wait side by side, and each call is its agent's own, though ids are the same", async () => {
    const set = await stage()
    const buy = governedTool(buyOf(set), terms(set))
    const both = [
      ["ada", 21],
      ["bob", 22],
    ] as const
    const paused = await run(team(buy, both), "go")
    assert.deepEqual(
      pendingDecisions(paused).map(({ run: { agent, call }, amount }) => [agent, call, amount]),
      [
        ["ada", "c1", "21.00"],
        ["bob", "c1", "22.00"],
      ],
    )
    const [ada] = pendingDecisions(paused)
    await set.desk.approve(ada?.id as string)
    const manager = team(buy, both, false)
    const half = await run(manager, await RunState.fromString(manager, paused.state.toString()))
    assert.deepEqual(set.ran, [21])
    assert.deepEqual(
      pendingDecisions(half).map(({ run }) => run.agent),
      ["bob"],
    )
    await set.desk.approve(pendingDecisions(half)[0]?.id as string)
    const last = team(buy, both, false)
    const end = await run(last, await RunState.fromString(last, half.state.toString()))
    assert.equal(end.finalOutput, "All bought.")
    assert.deepEqual(set.ran, [21, 22])
  })

  test("spend from budgets of their own", async () => {
    const set = await stage()
    set.wallet.forAgent("ada", { dailyLimit: 5 })
    const buy = governedTool(buyOf(set), terms(set))
    await run(
      team(buy, [
        ["ada", 6],
        ["bob", 6],
      ]),
      "go",
    )
    assert.deepEqual(set.ran, [6])
  })
})

describe("A handoff", () => {
  test("leaves the call with the agent that made it, and the state resumes from the first", async () => {
    const set = await stage()
    const build = (isFirst: boolean) => {
      const buy = governedTool(buyOf(set), terms(set))
      const buyer = new Agent({
        name: "buyer",
        tools: [buy],
        model: isFirst ? script([call(30)], done()) : script(done()),
      })
      const transfer = functionCall("transfer_to_buyer", {}, { callId: "h1" })
      return new Agent({ name: "desk", tools: [buy], handoffs: [buyer], model: script([transfer]) })
    }
    const paused = await run(build(true), "go")
    assert.equal(pendingDecisions(paused)[0]?.run.agent, "buyer")
    await set.desk.approve(pendingDecisions(paused)[0]?.id as string)
    const first = build(false)
    const end = await run(first, await RunState.fromString(first, paused.state.toString()))
    assert.equal(end.lastAgent?.name, "buyer")
    assert.deepEqual(set.ran, [30])
  })
})

describe("A round robin with one executor", () => {
  test("keeps one conversation over several runs, and only the executor's tools are paid", async () => {
    const set = await stage()
    const buy = governedTool(buyOf(set), terms(set))
    const planner = new Agent({ name: "planner", model: script(done("Buy it for 5."), done("Good.")) })
    const executor = new Agent({ name: "executor", tools: [buy], model: script([call(5)], done("Bought.")) })
    let history = [user("Plan and buy.")] as Parameters<typeof run>[1] & unknown[]
    const said: unknown[] = []
    for (const speaker of [planner, executor, planner]) {
      const turn = await run(speaker, history)
      history = turn.history as typeof history
      said.push(turn.finalOutput)
      for (const { run } of decisionsOf(turn)) assert.equal(run.agent, "executor")
    }
    assert.deepEqual(said, ["Buy it for 5.", "Bought.", "Good."])
    assert(!JSON.stringify(history).includes("nornr"), "no decision is in what the next speaker reads")
  })
})

describe("A session", () => {
  test("holds the call while it waits and its result after, and no decision", async () => {
    const set = await stage()
    const session = new MemorySession()
    const build = (model: ScriptedModel) =>
      new Agent({ name: "agent", tools: [governedTool(buyOf(set), terms(set))], model })
    const paused = await run(build(script([call(30)])), "go", { session })
    assert.deepEqual(
      (await session.getItems()).map(({ type }) => type),
      ["message", "function_call"],
    )
    await set.desk.approve(pendingDecisions(paused)[0]?.id as string)
    const agent = build(script(done()))
    await run(agent, await RunState.fromString(agent, paused.state.toString()), { session })
    const items = await session.getItems()
    assert.deepEqual(
      items.map(({ type }) => type),
      ["message", "function_call", "function_call_result", "message"],
    )
    assert(!JSON.stringify(items).includes("nornr"))
  })

  test("that goes on without the paused state leaves a decision that can be canceled, and never runs", async () => {
    const set = await stage()
    const agent = (model: ScriptedModel) =>
      new Agent({ name: "agent", tools: [governedTool(buyOf(set), terms(set))], model })
    const paused = await run(agent(script([call(30)])), "go")
    const [waiting] = pendingDecisions(paused)
    await set.wallet.cancel(waiting?.id as string)
    await assert.rejects(set.desk.approve(waiting?.id as string), { code: "state_conflict" })
    const resuming = agent(script(done()))
    const end = await run(resuming, await RunState.fromString(resuming, paused.state.toString()))
    assert.match(String(textsOf(end)[0]), /^Not run, nothing charged/)
    assert.deepEqual(set.ran, [])
  })
})

describe("Parallel calls", () => {
  test("are decided one after another: none together get more than the limit", async () => {
    const set = await stage()
    const calls = Array.from({ length: 12 }, (_, index) => call(8, `c${index}`))
    const agent = new Agent({
      name: "agent",
      tools: [governedTool(buyOf(set), terms(set))],
      model: script(calls, done()),
    })
    const end = await run(agent, "go")
    assert.equal(set.ran.length, 6)
    assert.equal(decisionsOf(end).filter(({ status }) => status === "rejected").length, 6)
  })
})

describe("A tool in a namespace", () => {
  test("is governed as it is, whether it was put there before or after", async () => {
    for (const isBefore of [true, false]) {
      const set = await stage()
      const namespace = (tools: AnyTool[]) => toolNamespace({ name: "shop", description: "a shop", tools })
      const governed = isBefore
        ? namespace([buyOf(set)]).map((each) => governedTool(each, terms(set)))
        : namespace([governedTool(buyOf(set), terms(set))])
      const asked = functionCall("buy", { price: 30 } as never, { callId: "c1", namespace: "shop" })
      const build = (model: ScriptedModel) => new Agent({ name: "agent", tools: governed, model })
      const paused = await run(build(script([asked])), "go")
      const [waiting] = pendingDecisions(paused)
      await set.desk.approve(waiting?.id as string)
      const agent = build(script(done()))
      const end = await run(agent, await RunState.fromString(agent, paused.state.toString()))
      assert.deepEqual(textsOf(end), ["bought for 30"])
      assert.equal(decisionOf(outputsOf(end)[0])?.execution.settled, "30.00")
    }
  })
})

describe("A copy of a governed tool", () => {
  test("is governed, however it was copied", async () => {
    const set = await stage()
    const governed = governedTool(Object.freeze(buyOf(set)), terms(set))
    for (const copy of [{ ...governed, description: "another" }, Object.assign({}, governed)]) {
      const agent = new Agent({
        name: "agent",
        tools: [copy],
        model: script([call(60, `c${set.ran.length}`)], done()),
      })
      assert.match(String(textsOf(await run(agent, "go"))[0]), /^Not run, nothing charged/)
    }
  })
})
