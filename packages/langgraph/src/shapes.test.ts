import assert from "node:assert/strict"
import { randomUUID } from "node:crypto"
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages"
import { tool } from "@langchain/core/tools"
import { entrypoint, MemorySaver, MessagesAnnotation, START, StateGraph, task } from "@langchain/langgraph"
import { createReactAgent } from "@langchain/langgraph/prebuilt"
import { createSupervisor } from "@langchain/langgraph-supervisor"
import { createHandoffTool, createSwarm } from "@langchain/langgraph-swarm"
import type { Wallet } from "@nornr/core"
import { testWallet } from "@nornr/core/testing"
import { createAgent } from "langchain"
import { describe, test } from "vitest"
import { z } from "zod"
import type { Runnable } from "../../langchain/test/agent-app.ts"
import { ScriptModel, script } from "../../langchain/test/script-model.ts"
import { at } from "../test/stage.ts"
import { type Decision, decisionsOf, governedTool, pendingDecisions, resumeCommand } from "./index.ts"

const calls = [{ id: "c1", name: "buy", args: { price: 30 } }]
const checkpointer = () => new MemorySaver()

function buyOf(wallet: Wallet, ran: () => unknown) {
  const schema = z.object({ price: z.number() })
  const buy = tool(async () => `bought ${ran()}`, { name: "buy", description: "d", schema })
  return governedTool(buy, { wallet, amount: ({ price }) => price, to: "vendor" })
}

/** A model that makes one call of a tool when the user speaks, and then is done. */
const caller = (name: string) =>
  new ScriptModel((messages) => {
    const id = randomUUID()
    const isAsked = messages.at(-1)?.getType() === "human"
    const tool_calls = isAsked ? [{ type: "tool_call" as const, id: `call_${name}`, name, args: {} }] : []
    return new AIMessage({ id, content: isAsked ? "" : "done", tool_calls })
  })

/** Buys when it is spoken to, whoever speaks. */
const buyer = () =>
  new ScriptModel((messages) => {
    const hasBought = messages.some((message) => message.getType() === "tool" && message.name === "buy")
    const tool_calls = hasBought
      ? []
      : [{ type: "tool_call" as const, id: "c1", name: "buy", args: { price: 30 } }]
    return new AIMessage({ id: randomUUID(), content: hasBought ? "done" : "", tool_calls })
  })

type Shape = (buy: ReturnType<typeof buyOf>) => {
  readonly graph: Runnable
  readonly agent?: string
  readonly input?: unknown
}

const shapes: Readonly<Record<string, Shape>> = {
  "an agent as a subgraph": (buy) => {
    const agent = createAgent({ name: "buyer", model: new ScriptModel(), tools: [buy] })
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("buyer", agent.graph)
      .addEdge(START, "buyer")
      .compile({ checkpointer: checkpointer() })
    return { graph: graph as never, agent: "buyer" }
  },
  "a supervisor": (buy) => {
    const agent = createAgent({ name: "buyer", model: buyer(), tools: [buy] })
    const llm = caller("transfer_to_buyer") as never
    const graph = createSupervisor({
      agents: [agent.graph as never],
      llm,
      outputMode: "full_history",
    }).compile({
      checkpointer: checkpointer(),
    })
    return { graph: graph as never, agent: "buyer" }
  },
  "a swarm": (buy) => {
    const handoff = createHandoffTool({ agentName: "buyer" })
    const scout = createAgent({
      name: "scout",
      model: caller("transfer_to_buyer"),
      tools: [handoff as never],
    })
    const agent = createAgent({ name: "buyer", model: buyer(), tools: [buy] })
    const agents = [scout.graph, agent.graph] as never
    const graph = createSwarm({ agents, defaultActiveAgent: "scout" as never }).compile({
      checkpointer: checkpointer(),
    })
    return { graph: graph as never, agent: "buyer" }
  },
  "a prebuilt agent of v1": (buy) => ({
    graph: createReactAgent({
      llm: new ScriptModel(),
      tools: [buy],
      version: "v1",
      checkpointer: checkpointer(),
    }) as never,
  }),
  "a prebuilt agent of v2": (buy) => ({
    graph: createReactAgent({
      llm: new ScriptModel(),
      tools: [buy],
      version: "v2",
      checkpointer: checkpointer(),
    }) as never,
  }),
  "an entrypoint with a task": (buy) => {
    const order = task("order", async (price: number) => {
      const message = await buy.invoke({ type: "tool_call", id: "c1", name: "buy", args: { price } })
      return [message]
    })
    const graph = entrypoint({ name: "main", checkpointer: checkpointer() }, async (price: number) => ({
      messages: await order(price),
    }))
    return { graph: graph as never, input: 30 }
  },
}

async function stageOf(shape: Shape) {
  const stage = await testWallet({ dailyLimit: 50, requireApprovalAbove: 20 })
  const counted = { runs: 0 }
  const made = shape(buyOf(stage.wallet, () => ++counted.runs))
  return { ...stage, counted, input: { messages: [script(calls)] }, ...made }
}

describe.each(Object.entries(shapes))("A governed tool in %s", (_name, shape) => {
  test("pauses the whole, runs once when it is approved, and its trail says who bought", async () => {
    const { graph, desk, wallet, counted, input, agent } = await stageOf(shape)
    const paused = await graph.invoke(input, at("t"))
    assert.equal(counted.runs, 0)
    const [decision] = pendingDecisions(paused)
    assert(decision !== undefined)
    assert.equal(decision.run.agent, agent)
    assert.equal(await resumeCommand(graph, at("t")), undefined)
    await desk.approve(decision)
    const command = await resumeCommand(graph, at("t"))
    const done = await graph.invoke(command, at("t"))
    await graph.invoke(command, at("t")).catch(() => undefined)
    assert.equal(counted.runs, 1)
    const [bought] = decisionsOf(done)
    assert.deepEqual([bought?.id, bought?.execution.settled], [decision.id, "30.00"])
    const report = await wallet.verify()
    assert(report.ok)
  })
})

describe("A pause", () => {
  test.each(["values", "updates"] as const)("and its end are in a stream of %s", async (streamMode) => {
    const { graph, desk, input } = await stageOf(shapes["a prebuilt agent of v2"] as Shape)
    const stream = async (given: unknown) => {
      const streaming = graph as unknown as {
        stream(input: unknown, config: object): Promise<AsyncIterable<object>>
      }
      return Array.fromAsync(await streaming.stream(given, { ...at("t"), streamMode }))
    }
    const paused = await stream(input)
    const [decision] = paused.flatMap((chunk) => pendingDecisions(chunk))
    assert(decision !== undefined)
    await desk.approve(decision)
    const chunks = await stream(await resumeCommand(graph, at("t")))
    const all: readonly Decision[] = chunks.flatMap((chunk) =>
      decisionsOf(Object.values(chunk)).concat(decisionsOf(chunk)),
    )
    assert.equal(all.at(-1)?.execution.settled, "30.00")
  })

  test("streams the message with its decision, whichever way messages are streamed", async () => {
    const { graph, desk, input } = await stageOf(shapes["a prebuilt agent of v2"] as Shape)
    await graph.invoke(input, at("t"))
    await desk.approve((await desk.pending())[0] as Decision)
    const streaming = graph as unknown as {
      stream(input: unknown, config: object): Promise<AsyncIterable<[BaseMessage]>>
    }
    const command = await resumeCommand(graph, at("t"))
    const chunks = await Array.fromAsync(
      await streaming.stream(command, { ...at("t"), streamMode: "messages" }),
    )
    const [decision] = decisionsOf(chunks.map(([message]) => message))
    assert.equal(decision?.execution.settled, "30.00")
  })

  test("of a thread that another turn has left behind is no reason to resume it", async () => {
    const { graph, desk, wallet, input, counted } = await stageOf(shapes["a prebuilt agent of v2"] as Shape)
    await graph.invoke(input, at("t"))
    const [decision] = await desk.pending()
    assert(decision !== undefined)
    await wallet.cancel(decision)
    await graph.invoke({ messages: [new HumanMessage("Never mind.")] }, at("t"))
    assert.equal(await resumeCommand(graph, at("t")), undefined)
    assert.equal(counted.runs, 0)
  })
})
