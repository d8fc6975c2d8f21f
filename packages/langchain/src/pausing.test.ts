import assert from "node:assert/strict"
import { Command, interrupt, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph"
import { testWallet } from "@nornr/core/testing"
import { createAgent, tool } from "langchain"
import { describe, test } from "vitest"
import { z } from "zod"
import { ScriptModel, script } from "../test/script-model.ts"
import { governedTool, pendingDecisions, resumeCommand, walletMiddleware } from "./index.ts"

const at = { configurable: { thread_id: "t" } }
const schema = z.object({ price: z.number() })
const say = (...prices: readonly number[]) => ({
  messages: [script(prices.map((price, index) => ({ id: `c${index}`, name: "buy", args: { price } })))],
})

/** A paid tool that asks its user something itself. */
const asking = () =>
  tool(async () => `sent to ${interrupt("Which address?")}`, { name: "buy", description: "d", schema })

const stageOf = () => testWallet({ dailyLimit: 500, requireApprovalAbove: 20 })
const terms = { amount: ({ price }: { price: number }) => price, to: "vendor" }
const questions = (state: object) =>
  ((state as { __interrupt__?: { value: unknown }[] }).__interrupt__ ?? []).map(({ value }) => value)
const last = ({ messages }: { messages: readonly { text: string; getType(): string }[] }) =>
  messages.findLast((message) => message.getType() === "tool")?.text

async function agentsOf() {
  const stage = await stageOf()
  const { wallet } = stage
  const build = (tools: never[], middleware: never[]) =>
    createAgent({ model: new ScriptModel(), tools, middleware, checkpointer: new MemorySaver() })
  const gate = walletMiddleware({ wallet, tools: { buy: terms } })
  const wrapped = governedTool(asking(), { ...terms, wallet })
  const agents = {
    "a governed tool": build([wrapped] as never[], []),
    "the middleware": build([asking()] as never[], [gate] as never[]),
    "a tool that is governed twice": build([governedTool(wrapped, { ...terms, wallet })] as never[], []),
  }
  return { ...stage, agents }
}

const kinds = ["a governed tool", "the middleware", "a tool that is governed twice"] as const

describe.each(kinds)("A question that a tool asks itself, under %s,", (kind) => {
  const wakes = {
    "the command of resumeCommand": async (agent: never) => resumeCommand(agent, at),
    "an answer by hand": async () => new Command({ resume: "yes" }),
    "no answer at all": async () => null,
  }

  test.each(Object.entries(wakes))("gets the answer to it, and not %s", async (_name, wake) => {
    const { agents, desk } = await agentsOf()
    const agent = agents[kind]
    await agent.invoke(say(30), at)
    await agent.invoke(new Command({ resume: "too early" }), at)
    await desk.approve((await desk.pending())[0] as never)
    const asked = await agent.invoke((await wake(agent as never)) as never, at)
    assert.deepEqual(questions(asked), ["Which address?"])
    assert.equal(last(await agent.invoke(new Command({ resume: "Main st" }), at)), "sent to Main st")
  })
})

describe("A tool with two questions", () => {
  test("gets both answers in order after its review", async () => {
    const { wallet, desk } = await stageOf()
    const twice = tool(async () => `${interrupt("first?")} ${interrupt("second?")}`, {
      name: "buy",
      description: "d",
      schema,
    })
    const tools = [governedTool(twice, { ...terms, wallet })]
    const agent = createAgent({ model: new ScriptModel(), tools, checkpointer: new MemorySaver() })
    await agent.invoke(say(30), at)
    await desk.approve((await desk.pending())[0] as never)
    assert.deepEqual(questions(await agent.invoke((await resumeCommand(agent, at)) as never, at)), ["first?"])
    assert.deepEqual(questions(await agent.invoke(new Command({ resume: "1" }), at)), ["second?"])
    assert.equal(last(await agent.invoke(new Command({ resume: "2" }), at)), "1 2")
  })
})

describe("A node that calls a governed tool and then asks something itself", () => {
  async function graphOf() {
    const stage = await stageOf()
    const buy = tool(async () => "bought", { name: "buy", description: "d", schema })
    const governed = governedTool(buy, { ...terms, wallet: stage.wallet })
    const answers: unknown[] = []
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("model", async ({ messages }) => ({ messages: [await new ScriptModel().invoke(messages)] }))
      .addNode("step", async ({ messages }, config) => {
        const { tool_calls } = messages.at(-1) as unknown as {
          tool_calls: { id: string; name: string; args: { price: number } }[]
        }
        const message = await governed.invoke({ ...tool_calls[0], type: "tool_call" } as never, config)
        answers.push(interrupt("ship where?"))
        return { messages: [message as never] }
      })
      .addEdge(START, "model")
      .addEdge("model", "step")
      .compile({ checkpointer: new MemorySaver() })
    return { ...stage, graph, answers }
  }

  test.each(["approve", "reject"] as const)("gets its own answer after the desk's %s", async (verdict) => {
    const { graph, desk, answers } = await graphOf()
    await graph.invoke(say(30), at)
    await desk[verdict]((await desk.pending())[0] as never)
    const command = await resumeCommand(graph, at)
    assert(command !== undefined)
    assert.deepEqual(questions(await graph.invoke(command, at)), ["ship where?"])
    await graph.invoke(new Command({ resume: "Main st" }), at)
    assert.deepEqual(answers, ["Main st"])
  })

  test.each(["approve", "reject"] as const)(
    "gets its own answer after a %s that was woken by hand",
    async (verdict) => {
      const { graph, desk, answers } = await graphOf()
      await graph.invoke(say(30), at)
      await desk[verdict]((await desk.pending())[0] as never)
      assert.deepEqual(questions(await graph.invoke(new Command({ resume: "yes" }), at)), ["ship where?"])
      await graph.invoke(new Command({ resume: "Main st" }), at)
      assert.deepEqual(answers, ["Main st"])
    },
  )
})

describe("Calls that share one task", () => {
  test.each([
    ["before", ["ask", "buy"]],
    ["after", ["buy", "ask"]],
  ])("leave each its own answer, the question %s the review", async (_when, order) => {
    const { wallet, desk } = await stageOf()
    const ask = tool(async () => `sent to ${JSON.stringify(interrupt("Which address?"))}`, {
      name: "ask",
      description: "d",
      schema,
    })
    const buy = tool(async () => "bought", { name: "buy", description: "d", schema })
    const tools = [ask, buy].map((each) => governedTool(each, { ...terms, wallet }))
    const agent = createAgent({
      model: new ScriptModel(),
      tools,
      checkpointer: new MemorySaver(),
      version: "v1",
    })
    const calls = order.map((name) => ({ id: name, name, args: { price: name === "buy" ? 30 : 5 } }))
    let state: object = await agent.invoke({ messages: [script(calls)] }, at)
    await desk.approve((await desk.pending())[0] as never)
    for (let turn = 0; turn < 4 && questions(state).length > 0; turn++) {
      const isAsked = questions(state).includes("Which address?")
      const command = isAsked ? new Command({ resume: "Main st" }) : await resumeCommand(agent, at)
      state = await agent.invoke(command as never, at)
    }
    const { messages } = state as { messages: { name?: string; text: string; getType(): string }[] }
    assert.equal(messages.find(({ name }) => name === "ask")?.text, 'sent to "Main st"')
  })
})

describe("Resuming", () => {
  test("gives one command for what is decided, and then none", async () => {
    const { wallet, desk } = await stageOf()
    const buy = tool(async () => "bought", { name: "buy", description: "d", schema })
    const tools = [governedTool(buy, { ...terms, wallet })]
    const agent = createAgent({ model: new ScriptModel(), tools, checkpointer: new MemorySaver() })
    await agent.invoke(say(30, 31), at)
    const [first, second] = await desk.pending()
    await desk.approve(first as never)
    const command = await resumeCommand(agent, at)
    assert(command !== undefined)
    await agent.invoke(command, at)
    const { tasks } = (await agent.getState(at)) as { readonly tasks: { readonly result?: unknown }[] }
    const [ended] = tasks
    if (ended?.result === undefined) return // older versions do not tell that a task has ended
    assert.equal(await resumeCommand(agent, at), undefined)
    assert.deepEqual(
      pendingDecisions(await agent.getState(at)).map(({ id }) => id),
      [second?.id],
    )
  })

  test("leaves alone what is no pause of a wallet, whatever is in it", async () => {
    for (const value of [{ nornr: null }, { nornr: "x" }, { nornr: { id: "dec_x" } }, null, "nornr"]) {
      assert.deepEqual(pendingDecisions({ __interrupt__: [{ id: "i", value }] }), [])
    }
    assert.deepEqual(pendingDecisions(undefined), [])
  })

  test("needs the wallets of what waits to be open here, and says so", async () => {
    const { wallet } = await stageOf()
    const buy = tool(async () => "bought", { name: "buy", description: "d", schema })
    const tools = [governedTool(buy, { ...terms, wallet })]
    const agent = createAgent({ model: new ScriptModel(), tools, checkpointer: new MemorySaver() })
    await agent.invoke(say(30), at)
    await wallet.close()
    await assert.rejects(resumeCommand(agent, at), {
      code: "wallet_closed",
      message: /Open it first.*Wallet\.connect/,
    })
  })
})
