import assert from "node:assert/strict"
import { AIMessage, HumanMessage } from "@langchain/core/messages"
import { Annotation, MemorySaver, Send, START, StateGraph } from "@langchain/langgraph"
import { testWallet } from "@nornr/core/testing"
import { type AgentMiddleware, createAgent, modelRetryMiddleware, tool, toolStrategy } from "langchain"
import { describe, test } from "vitest"
import { z } from "zod"
import { ScriptModel, script, scripted } from "../test/script-model.ts"
import { decisionOf, decisionsOf, resumeCommand, walletMiddleware } from "./index.ts"

const at = { configurable: { thread_id: "t" } }
const model = {
  to: "openai",
  price: { input: "100", output: "1000", cachedInput: "10" },
  maxOutputTokens: 10_000,
} as const
const usage = {
  input_tokens: 2000,
  output_tokens: 100,
  total_tokens: 2100,
  input_token_details: { cache_read: 1000 },
}
const counted = () => Object.assign(new AIMessage("done"), { usage_metadata: usage })
const say = (content: unknown = "go") => ({ messages: [new HumanMessage({ content } as never)] })

async function stageOf(terms: object = { dailyLimit: 50, requireApprovalAbove: 20 }) {
  const stage = await testWallet(terms)
  const agentWith = (answering: ScriptModel, ...more: AgentMiddleware[]) =>
    createAgent({
      model: answering,
      tools: [],
      middleware: [walletMiddleware({ wallet: stage.wallet, model }), ...more],
      checkpointer: new MemorySaver(),
    })
  const amounts = async () => {
    const [daily] = (await stage.wallet.balance()).limits
    return [daily?.held, daily?.settled]
  }
  return { ...stage, agentWith, amounts }
}

/** Fails when the model has answered: its task runs again. */
function failOnce(): AgentMiddleware {
  let failures = 1
  return {
    name: "Unlucky",
    async wrapModelCall(request, handler) {
      const answer = await handler(request)
      if (failures-- > 0) throw new Error("died after the answer")
      return answer
    },
  }
}

describe("A model call under a wallet", () => {
  test("is held at the most that it can cost, and settled from what the provider counted", async () => {
    const { agentWith, amounts } = await stageOf()
    const held: unknown[] = []
    const answering = new ScriptModel(() => counted())
    const generate = answering._generate.bind(answering)
    answering._generate = async (messages) => {
      held.push((await amounts())[0])
      return generate(messages)
    }
    const { messages } = await agentWith(answering).invoke(say(), at)
    assert(Number(held[0]) > 10 && Number(held[0]) < 11, `${held[0]} is held`)
    assert.deepEqual(await amounts(), ["0.00", "0.21"])
    const decision = decisionOf(messages.at(-1))
    assert.deepEqual(
      [decision?.execution.settled, decision?.to, decision?.run.tool],
      ["0.21", "openai", "model"],
    )
  })

  test("is settled at its hold where the provider counts nothing", async () => {
    const { agentWith, amounts } = await stageOf()
    await agentWith(new ScriptModel(() => new AIMessage("done"))).invoke(say(), at)
    const [held, settled] = await amounts()
    assert.equal(held, "0.00")
    assert(Number(settled) > 10)
  })

  test("that would cross the budget is not made: the agent ends with the refusal and its decision", async () => {
    const { agentWith } = await stageOf({ dailyLimit: 5 })
    const answering = new ScriptModel(() => counted())
    const { messages } = await agentWith(answering).invoke(say(), at)
    assert.equal(answering.calls, 0)
    assert.match(String(messages.at(-1)?.content), /Not run, nothing charged\. Daily limit 5\.00 USD/)
    assert.equal(decisionOf(messages.at(-1))?.status, "rejected")
  })

  test("above the threshold pauses where the run is kept, and is made once when it is approved", async () => {
    const { agentWith, desk } = await stageOf({ dailyLimit: 50, requireApprovalAbove: 1 })
    const answering = new ScriptModel(() => counted())
    const agent = agentWith(answering)
    await agent.invoke(say(), at)
    assert.equal(answering.calls, 0)
    await desk.approve((await desk.pending())[0] as never)
    const command = await resumeCommand(agent, at)
    assert(command !== undefined)
    const { messages } = await agent.invoke(command, at)
    assert.equal(messages.at(-1)?.content, "done")
    assert.equal(answering.calls, 1)
  })

  test("above the threshold is refused where nothing keeps the run", async () => {
    const { wallet, desk } = await stageOf({ dailyLimit: 50, requireApprovalAbove: 1 })
    const answering = new ScriptModel(() => counted())
    const agent = createAgent({
      model: answering,
      tools: [],
      middleware: [walletMiddleware({ wallet, model })],
    })
    const { messages } = await agent.invoke(say())
    assert.match(String(messages.at(-1)?.content), /no checkpointer/)
    assert.equal(answering.calls, 0)
    assert.deepEqual(await desk.pending(), [])
  })

  test("asks for one review, though a retry outside it takes the pause for a failure", async () => {
    const { wallet, desk } = await stageOf({ dailyLimit: 50, requireApprovalAbove: 1 })
    const answering = new ScriptModel(() => counted())
    const retry = modelRetryMiddleware({ maxRetries: 2, initialDelayMs: 0 }) as AgentMiddleware
    const middleware = [retry, walletMiddleware({ wallet, model })]
    const agent = createAgent({ model: answering, tools: [], middleware, checkpointer: new MemorySaver() })
    await agent.invoke(say(), at)
    assert.equal(answering.calls, 0)
    assert.equal((await desk.pending()).length, 1)
  })

  test("carries its decision, and is asked again after a crash, where its answer has a structure", async () => {
    const { wallet, amounts } = await stageOf()
    const tool_calls = [{ type: "tool_call" as const, id: "s1", name: "extract-1", args: { city: "Oslo" } }]
    const answering = new ScriptModel(() =>
      Object.assign(new AIMessage({ content: "", tool_calls }), { usage_metadata: usage }),
    )
    const agent = createAgent({
      model: answering,
      tools: [],
      responseFormat: toolStrategy(z.object({ city: z.string() }).meta({ title: "extract-1" })),
      middleware: [failOnce(), walletMiddleware({ wallet, model })],
      checkpointer: new MemorySaver(),
    })
    await assert.rejects(agent.invoke(say(), at))
    const done = await agent.invoke(null as never, at)
    assert.deepEqual(done.structuredResponse, { city: "Oslo" })
    assert.equal(answering.calls, 2)
    assert.equal((await amounts())[1], "0.42")
    assert.deepEqual(
      decisionsOf(done).map(({ execution }) => execution.settled),
      ["0.21"],
    )
  })

  test("is a spend of its own in each attempt of a retry outside it", async () => {
    const { wallet, desk, amounts } = await stageOf()
    const answering = new ScriptModel(() => {
      if (answering.calls < 3) throw new Error("overloaded")
      return counted()
    })
    const retry = modelRetryMiddleware({ maxRetries: 3, initialDelayMs: 0 }) as AgentMiddleware
    const middleware = [retry, walletMiddleware({ wallet, model })]
    const agent = createAgent({ model: answering, tools: [], middleware, checkpointer: new MemorySaver() })
    const { messages } = await agent.invoke(say(), at)
    assert.equal(messages.at(-1)?.content, "done")
    assert.equal((await desk.failed()).length, 2)
    assert.equal((await amounts())[1], "0.21")
  })

  test("that waits is canceled when the user goes on, and no other of the thread", async () => {
    const { agentWith, desk } = await stageOf({ dailyLimit: 50, requireApprovalAbove: 1 })
    const agent = agentWith(new ScriptModel(() => counted()))
    for (let turn = 0; turn < 3; turn++) await agent.invoke(say(), at)
    assert.equal((await desk.pending()).length, 1)
    await agent.invoke(say(), { configurable: { thread_id: "another" } })
    assert.equal((await desk.pending()).length, 2)
  })

  test("of a worker that waits is not canceled by the workers beside it", async () => {
    const { wallet, desk } = await stageOf({ dailyLimit: 100, requireApprovalAbove: 1 })
    const worker = createAgent({
      model: new ScriptModel(() => counted()),
      tools: [],
      middleware: [walletMiddleware({ wallet, model })],
    })
    const State = Annotation.Root({
      items: Annotation<string[]>,
      out: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
    })
    const graph = new StateGraph(State)
      .addNode("worker", async ({ items }) => {
        const { messages } = await worker.invoke({ messages: [new HumanMessage(items[0] ?? "")] })
        return { out: [messages.at(-1)?.text ?? ""] }
      })
      .addConditionalEdges(
        START,
        () => ["a", "b", "c"].map((item) => new Send("worker", { items: [item] })),
        ["worker"],
      )
      .compile({ checkpointer: new MemorySaver() })
    await graph.invoke({ items: [] }, at)
    for (let left = 3; left > 0; left--) {
      const pending = await desk.pending()
      assert.equal(pending.length, left)
      await desk.approve(pending[0] as never)
      await graph.invoke((await resumeCommand(graph, at)) as never, at)
    }
    assert.deepEqual((await graph.getState(at)).values.out, ["done", "done", "done"])
  })

  test("marks no message that the model gives twice", async () => {
    const { agentWith } = await stageOf()
    const shared = counted()
    const agent = agentWith(new ScriptModel(() => shared))
    const [one, two] = [
      await agent.invoke(say(), at),
      await agent.invoke(say(), { configurable: { thread_id: "u" } }),
    ]
    assert.notEqual(decisionOf(one.messages.at(-1))?.id, decisionOf(two.messages.at(-1))?.id)
  })

  test("is held at the model's own bound where that is more", async () => {
    const { wallet, agentWith } = await stageOf({ dailyLimit: 500 })
    const answering = Object.assign(new ScriptModel(() => counted()), { maxTokens: 100_000 })
    await agentWith(answering).invoke(say(), at)
    const [made] = (await Array.fromAsync(wallet.trail())).filter(({ type }) => type === "decision.made")
    assert(Number(made?.data["amount"]) > 100)
  })

  test("that had answered before its task runs again is not made again", async () => {
    const { wallet, amounts } = await stageOf()
    const answering = new ScriptModel((messages) => {
      const answer = scripted(messages)
      return Object.assign(answer, { usage_metadata: usage })
    })
    const middleware = [failOnce(), walletMiddleware({ wallet, model })]
    const agent = createAgent({ model: answering, tools: [], middleware, checkpointer: new MemorySaver() })
    await assert.rejects(agent.invoke(say(), at))
    const { messages } = await agent.invoke(null as never, at)
    assert.equal(messages.at(-1)?.content, "well")
    assert.equal(answering.calls, 1)
    assert.equal((await amounts())[1], "0.21")
  })

  test("throws what the model throws, keeps the hold, and is another attempt when the run goes on", async () => {
    const { agentWith, desk } = await stageOf()
    const answering = new ScriptModel(() => {
      if (answering.calls === 1) throw new RangeError("bad gateway")
      return counted()
    })
    const agent = agentWith(answering)
    await assert.rejects(agent.invoke(say(), at), /bad gateway/)
    assert.equal((await desk.failed()).length, 1)
    const { messages } = await agent.invoke(null as never, at)
    assert.equal(messages.at(-1)?.content, "done")
  })

  test("needs a bound for prompts that hold more than text", async () => {
    const { agentWith, wallet } = await stageOf()
    const image = [{ type: "image_url", image_url: { url: "https://a.example/b.png" } }]
    const answering = new ScriptModel(() => counted())
    await assert.rejects(agentWith(answering).invoke(say(image), at), /Set model\.maxInputTokens/)
    assert.equal(answering.calls, 0)
    const bounded = walletMiddleware({ wallet, model: { ...model, maxInputTokens: 5_000 } })
    const agent = createAgent({ model: answering, tools: [], middleware: [bounded] })
    assert.equal((await agent.invoke(say(image))).messages.at(-1)?.content, "done")
  })

  test("is bounded when the middleware is made, not when money is spent", async () => {
    const { wallet } = await stageOf()
    const { maxOutputTokens: _, ...unbounded } = model
    assert.throws(
      () => walletMiddleware({ wallet, model: unbounded as never }),
      /model\.maxOutputTokens is undefined\. Set it to the most tokens/,
    )
  })

  test("shares the budget with the agent's tools, whose names are checked against the agent", async () => {
    const { wallet, amounts } = await stageOf()
    const buy = tool(async () => "bought", {
      name: "buy",
      description: "d",
      schema: z.object({ price: z.number() }),
    })
    const terms = { amount: ({ price }: { price: number }) => price, to: "vendor" }
    const agentOf = (name: string) =>
      createAgent({
        model: new ScriptModel((messages) => Object.assign(scripted(messages), { usage_metadata: usage })),
        tools: [buy],
        middleware: [walletMiddleware({ wallet, model, tools: { [name]: terms as never } })],
        checkpointer: new MemorySaver(),
      })
    await assert.rejects(agentOf("bye").invoke(say(), at), /tools\.bye names no tool.*The tools are: buy/)
    const done = await agentOf("buy").invoke(
      { messages: [script([{ id: "c1", name: "buy", args: { price: 5 } }])] },
      at,
    )
    assert.deepEqual(await amounts(), ["0.00", "5.42"])
    assert.deepEqual(
      decisionsOf(done).map(({ to }) => to),
      ["openai", "vendor", "openai"],
    )
  })
})
