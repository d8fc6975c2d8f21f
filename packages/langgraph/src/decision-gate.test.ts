import assert from "node:assert/strict"
import {
  Annotation,
  Command,
  END,
  type LangGraphRunnableConfig,
  MemorySaver,
  Send,
  START,
  StateGraph,
  StateSchema,
} from "@langchain/langgraph"
import { testWallet } from "@nornr/core/testing"
import { describe, test } from "vitest"
import { z } from "zod"
import { at } from "../test/stage.ts"
import {
  type Decisions,
  decisionGate,
  decisionOf,
  decisionsChannel,
  decisionsField,
  decisionsOf,
  decisionsValue,
  governedNode,
  pendingDecisions,
  resumeCommand,
  type Wallet,
} from "./index.ts"

const State = Annotation.Root({
  total: Annotation<number>,
  order: Annotation<string>,
  decisions: decisionsChannel,
  said: Annotation<string>,
})
type S = typeof State.State

const stageOf = () => testWallet({ dailyLimit: 50, requireApprovalAbove: 20 })
const termsOf = (wallet: Wallet) => ({
  wallet,
  key: ({ order }: Pick<S, "order">) => order,
  amount: ({ total }: Pick<S, "total">) => total,
  to: "vendor",
})

function graphOf(wallet: Wallet, buy: (state: S) => unknown = () => "bought") {
  const gate = decisionGate<S>("order", termsOf(wallet))
  const routes = gate.route({ approved: "buy", queued: "review", rejected: "stop" })
  return new StateGraph(State)
    .addNode("ask", gate.ask)
    .addNode("review", gate.review)
    .addNode(
      "buy",
      gate.run(async (state) => ({ said: String(await buy(state)) })),
    )
    .addNode("stop", async ({ decisions }) => ({ said: decisions["order"]?.message ?? "" }))
    .addEdge(START, "ask")
    .addConditionalEdges("ask", ...routes)
    .addConditionalEdges("review", ...routes)
    .addEdge("buy", END)
    .addEdge("stop", END)
    .compile({ checkpointer: new MemorySaver() })
}

describe("A gate", () => {
  test("goes three ways, and writes what became of each", async () => {
    const { wallet, desk } = await stageOf()
    const graph = graphOf(wallet)
    const bought = await graph.invoke({ total: 5, order: "a" }, at("a"))
    assert.deepEqual([bought.said, bought.decisions["order"]?.execution.settled], ["bought", "5.00"])
    const stopped = await graph.invoke({ total: 60, order: "b" }, at("b"))
    assert.match(stopped.said, /^Rejected\. Daily limit/)
    const waits = await graph.invoke({ total: 30, order: "c" }, at("c"))
    assert.equal(waits.decisions["order"]?.status, "queued")
    const [decision] = pendingDecisions(waits)
    await desk.reject(decision as never, { comment: "too dear" })
    const command = await resumeCommand(graph, at("c"))
    assert(command !== undefined)
    const rejected = await graph.invoke(command, at("c"))
    assert.match(rejected.said, /rejected it/)
  })

  test("runs its step once a key in a thread, and again for a new one", async () => {
    const { wallet } = await stageOf()
    let runs = 0
    const graph = graphOf(wallet, () => ++runs)
    await graph.invoke({ total: 5, order: "a" }, at("t"))
    const again = await graph.invoke({ total: 5, order: "a" }, at("t"))
    assert.deepEqual([runs, again.said], [1, "1"])
    await graph.invoke({ total: 5, order: "b" }, at("t"))
    await graph.invoke({ total: 5, order: "a" }, at("another"))
    assert.equal(runs, 3)
  })

  test("tells the runs of a graph without a thread apart, and keeps its parts together", async () => {
    const { wallet } = await stageOf()
    let runs = 0
    const gate = decisionGate<S>("order", termsOf(wallet))
    const graph = new StateGraph(State)
      .addNode("ask", gate.ask)
      .addNode(
        "buy",
        gate.run(async () => ({ said: `${++runs}` })),
      )
      .addEdge(START, "ask")
      .addEdge("ask", "buy")
      .compile()
    await graph.invoke({ total: 5, order: "a" })
    const { decisions } = await graph.invoke({ total: 5, order: "a" })
    assert.equal(runs, 2)
    assert.equal(decisions["order"]?.execution.settled, "5.00")
    const events = await Array.fromAsync(wallet.trail())
    assert.equal(events.filter(({ type }) => type === "decision.made").length, 2)
  })

  test("cancels what a later turn leaves waiting, and lets a loop collect what waits", async () => {
    const { wallet, desk } = await testWallet({ dailyLimit: 100, requireApprovalAbove: 20 })
    const graph = graphOf(wallet)
    await graph.invoke({ total: 30, order: "a" }, at("t"))
    await graph.invoke({ total: 31, order: "b" }, at("t"))
    assert.deepEqual(
      (await desk.pending()).map(({ amount }) => amount),
      ["31.00"],
    )
    const gate = decisionGate<S>("item", termsOf(wallet))
    const loop = new StateGraph(State)
      .addNode("ask", gate.ask)
      .addNode("next", async ({ order }) => ({ order: `${order}+` }))
      .addEdge(START, "ask")
      .addEdge("ask", "next")
      .addConditionalEdges("next", ({ order }) => (order.length < 3 ? "ask" : END), ["ask", END])
      .compile({ checkpointer: new MemorySaver() })
    await loop.invoke({ total: 21, order: "a" }, at("loop"))
    assert.equal((await desk.pending()).length, 3)
  })

  test("asks for each of several at once, though a Send brings no decisions", async () => {
    const { wallet } = await stageOf()
    const gate = decisionGate<S>("order", termsOf(wallet))
    const graph = new StateGraph(State)
      .addNode("ask", gate.ask)
      .addConditionalEdges(START, () => ["a", "b"].map((order) => new Send("ask", { order, total: 5 })), [
        "ask",
      ])
      .addEdge("ask", END)
      .compile()
    const { decisions } = await graph.invoke({ total: 0, order: "none" })
    assert.equal(decisions["order"]?.status, "approved")
    assert.equal((await wallet.balance()).limits[0]?.held, "10.00")
  })

  test("throws in a graph that cannot wait, says how it could, and holds nothing", async () => {
    const { wallet, desk } = await stageOf()
    const gate = decisionGate<S>("order", termsOf(wallet))
    const graph = new StateGraph(State).addNode("review", gate.review).addEdge(START, "review").compile()
    await assert.rejects(graph.invoke({ total: 30, order: "a" }), {
      code: "not_approved",
      message: /no checkpointer.*graph\.compile\(\{ checkpointer \}\)/,
    })
    assert.deepEqual(await desk.pending(), [])
  })

  test("lets nothing run that is not approved, wherever its node stands", async () => {
    const { wallet } = await stageOf()
    let runs = 0
    const gate = decisionGate<S>("order", termsOf(wallet))
    const graph = new StateGraph(State)
      .addNode(
        "buy",
        gate.run(async () => ({ said: `${++runs}` })),
      )
      .addEdge(START, "buy")
      .compile({ checkpointer: new MemorySaver() })
    const error: unknown = await graph
      .invoke({ total: 60, order: "a" }, at("t"))
      .catch((thrown: unknown) => thrown)
    assert.equal(decisionOf(error)?.status, "rejected")
    assert.equal(pendingDecisions(await graph.invoke({ total: 30, order: "b" }, at("t2"))).length, 1)
    assert.equal(runs, 0)
  })

  test.each([
    [{ key: undefined }, /key is missing.*key: \(state\) =>/],
    [{ key: "a" }, /key is no function/],
    [{ args: 1 }, /args is no function/],
    [{ amount: undefined }, /amount is undefined/],
    [{ price: 1 }, /price is not a known name/],
  ])("refuses terms %j when it is made", async (terms, message) => {
    const { wallet } = await stageOf()
    assert.throws(() => decisionGate("order", { ...termsOf(wallet), ...terms } as never), message)
  })

  test("refuses a key that names nothing, an unnamed gate, and a route without a target", async () => {
    const { wallet } = await stageOf()
    assert.throws(() => decisionGate("", termsOf(wallet) as never), /no name/)
    const gate = decisionGate<S>("order", termsOf(wallet))
    assert.throws(() => gate.route({ approved: "a", queued: "b" } as never), /no node for rejected/)
    const graph = graphOf(wallet)
    await assert.rejects(graph.invoke({ total: 5, order: "" }, at("t")), /key of order gave ""/)
    await assert.rejects(gate.ask({ total: 5, order: "a" } as S), /outside a graph/)
  })
})

describe("A governed node", () => {
  test("runs once a key through a retry policy, and throws the same error again", async () => {
    const { wallet, desk } = await stageOf()
    let runs = 0
    const buy = governedNode(async (_state: S): Promise<Partial<S>> => {
      runs++
      throw new TypeError("the vendor is down")
    }, termsOf(wallet))
    const graph = new StateGraph(State)
      .addNode("buy", buy, { retryPolicy: { maxAttempts: 3, initialInterval: 1, retryOn: () => true } })
      .addEdge(START, "buy")
      .compile({ checkpointer: new MemorySaver() })
    await assert.rejects(graph.invoke({ total: 5, order: "a" }, at("t")), /the vendor is down/)
    assert.equal(runs, 1)
    assert.equal((await desk.failed())[0]?.run.tool, "buy")
  })

  test("gives what it is told to where it may not run, and its command otherwise", async () => {
    const { wallet } = await stageOf()
    const buy = governedNode<S, Command | Partial<S>>(
      async () => new Command({ update: { said: "bought" }, goto: "after" }),
      {
        ...termsOf(wallet),
        name: "order",
        rejected: ({ message }) => ({ said: message }),
      },
    )
    const graph = new StateGraph(State)
      .addNode("buy", buy as never, { ends: ["after"] })
      .addNode("after", async ({ said }) => ({ said: `${said}, after` }))
      .addEdge(START, "buy")
      .compile({ checkpointer: new MemorySaver() })
    const bought = await graph.invoke({ total: 5, order: "a" }, at("t"))
    assert.deepEqual([bought.said, bought.decisions["order"]?.status], ["bought, after", "approved"])
    const refused = await graph.invoke({ total: 60, order: "b" }, at("t2"))
    assert.match(refused.said, /Daily limit/)
    assert.deepEqual(
      decisionsOf(refused).map(({ status }) => status),
      ["rejected"],
    )
  })

  test("is bought again in each round of a loop that says so", async () => {
    const { wallet } = await stageOf()
    let runs = 0
    const buy = governedNode(async ({ total }: S) => ({ said: `${++runs}`, total }), {
      ...termsOf(wallet),
      key: ({ said }) => `round ${said ?? 0}`,
    })
    const graph = new StateGraph(State)
      .addNode("buy", buy)
      .addEdge(START, "buy")
      .addConditionalEdges("buy", ({ said }) => (Number(said) < 3 ? "buy" : END), ["buy", END])
      .compile({ checkpointer: new MemorySaver() })
    assert.equal((await graph.invoke({ total: 5, order: "a" }, at("t"))).said, "3")
    assert.equal((await wallet.balance()).limits[0]?.settled, "15.00")
  })

  test("of the same name and key in two subgraphs is two steps", async () => {
    const { wallet } = await stageOf()
    let runs = 0
    const part = () =>
      new StateGraph(State)
        .addNode(
          "buy",
          governedNode(async (_state: S) => ({ said: `${++runs}` }), termsOf(wallet)),
        )
        .addEdge(START, "buy")
        .compile()
    const graph = new StateGraph(State)
      .addNode("north", part())
      .addNode("south", part())
      .addEdge(START, "north")
      .addEdge("north", "south")
      .compile({ checkpointer: new MemorySaver() })
    await graph.invoke({ total: 5, order: "a" }, at("t"))
    assert.equal(runs, 2)
  })

  test("reaches the config as a bare node does", async () => {
    const { wallet } = await stageOf()
    const buy = governedNode(
      async (_state: S, config: LangGraphRunnableConfig) => ({
        said: String(config.configurable?.["thread_id"]),
      }),
      termsOf(wallet),
    )
    const graph = new StateGraph(State)
      .addNode("buy", buy)
      .addEdge(START, "buy")
      .compile({ checkpointer: new MemorySaver() })
    assert.equal((await graph.invoke({ total: 5, order: "a" }, at("mine"))).said, "mine")
  })
})

interface Bought {
  readonly total: number
  readonly order: string
  readonly said: string
  readonly decisions: Decisions
}

const fields = { total: z.number(), order: z.string(), said: z.string().default("") }
const states = {
  "an Annotation": State,
  "a StateSchema": new StateSchema({ ...fields, decisions: decisionsValue }),
  "a zod object": z.object({ ...fields, decisions: decisionsField }),
}

describe.each(Object.entries(states))("A state that is %s", (_name, state) => {
  test("keeps a gate's decisions through a pause", async () => {
    const { wallet, desk } = await stageOf()
    const gate = decisionGate<Bought>("order", termsOf(wallet))
    const routes = gate.route({ approved: "buy", queued: "review", rejected: "__end__" })
    const graph = new StateGraph(state as typeof State)
      .addNode("ask", gate.ask)
      .addNode("review", gate.review)
      .addNode(
        "buy",
        gate.run(async () => ({ said: "bought" })),
      )
      .addEdge(START, "ask")
      .addConditionalEdges("ask", ...routes)
      .addConditionalEdges("review", ...routes)
      .addEdge("buy", END)
      .compile({ checkpointer: new MemorySaver() })
    const paused = await graph.invoke({ total: 30, order: "a" }, at("t"))
    assert.equal(paused.decisions["order"]?.status, "queued")
    await desk.approve(pendingDecisions(paused)[0] as never)
    const command = await resumeCommand(graph, at("t"))
    assert(command !== undefined)
    const done = await graph.invoke(command, at("t"))
    assert.deepEqual([done.said, done.decisions["order"]?.execution.settled], ["bought", "30.00"])
  })
})
