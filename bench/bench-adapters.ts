import { join } from "node:path"
import { tool } from "@langchain/core/tools"
import { Annotation, END, START, StateGraph } from "@langchain/langgraph"
import { decisionGate, decisionsChannel, governedTool, Wallet } from "@nornr/langgraph"
import { z } from "zod"
import { bareCommits } from "./bare-disk.ts"
import { compare } from "./measure.ts"

const config = (turn: number) => ({ configurable: { thread_id: `t${turn}` } })

/** A tool that does nothing, called as a model calls it: bare with as many durable commits beside it, and governed. */
export async function benchAdapters(folder: string, terms: object, turns: number): Promise<void> {
  const options = { owner: "bench", dailyLimit: 1_000_000, ...terms, ledger: join(folder, "adapters.db") }
  const wallet = await Wallet.create(options)
  const bare = bareCommits(join(folder, "bare-adapters.db"))
  const intent = { amount: "0.000001", to: "vendor" }
  const schema = z.object({ q: z.string() })
  const search = tool(async ({ q }) => `found ${q}`, { name: "search", description: "searches", schema })
  const governed = governedTool(search, { wallet, ...intent })
  const call = (turn: number) =>
    ({ type: "tool_call", id: `c${turn}`, name: "search", args: { q: "cats" } }) as const
  const graphs = graphsOf(wallet, intent)
  const times = async (count: number, run: () => unknown) => {
    for (let commit = 0; commit < count; commit++) await run()
  }
  await compare(turns, "a governed tool", {
    "the bare tool and two SQLite commits": async (turn) => {
      await search.invoke(call(turn), config(turn))
      await times(2, () => bare.commit())
    },
    "the bare tool, pay and settle": async (turn) => {
      await search.invoke(call(turn), config(turn))
      await wallet.settle(await wallet.pay(intent))
    },
    "a governed tool": (turn) => governed.invoke(call(turn), config(turn)),
  })
  await compare(turns, "a step behind a gate", {
    "the bare graph and three SQLite commits": async (turn) => {
      await graphs.bare.invoke({ n: turn }, config(turn))
      await times(3, () => bare.commit())
    },
    "a step behind a gate": (turn) => graphs.gated.invoke({ n: turn }, config(turn)),
  })
  bare.close()
  await wallet.close()
}

const State = Annotation.Root({ n: Annotation<number>, decisions: decisionsChannel })
type S = typeof State.State

/** The same nodes and edges with and without a gate's work in them, kept nowhere. */
function graphsOf(wallet: Wallet, intent: { readonly amount: string; readonly to: string }) {
  const gate = decisionGate<S>("step", { wallet, key: ({ n }) => `${n}`, ...intent })
  const routes = gate.route({ approved: "run", queued: "stop", rejected: "stop" })
  const targets = ["run", "stop"] as ("run" | "stop")[]
  const graph = () => new StateGraph(State)
  const gated = graph()
    .addNode("ask", gate.ask)
    .addNode(
      "run",
      gate.run(async ({ n }) => ({ n: n + 1 })),
    )
    .addNode("stop", async () => ({}))
    .addEdge(START, "ask")
    .addConditionalEdges("ask", ...routes)
    .addEdge("run", END)
    .addEdge("stop", END)
    .compile()
  const bare = graph()
    .addNode("ask", async () => ({}))
    .addNode("run", async ({ n }) => ({ n: n + 1 }))
    .addNode("stop", async () => ({}))
    .addEdge(START, "ask")
    .addConditionalEdges("ask", () => "run" as const, targets)
    .addEdge("run", END)
    .addEdge("stop", END)
    .compile()
  return { gated, bare }
}
