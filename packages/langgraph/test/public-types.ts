// Checked by `tsc` alone: what users of the adapters may write, and what they may not.
import type { AIMessage } from "@langchain/core/messages"
import { type DynamicStructuredTool, DynamicTool } from "@langchain/core/tools"
import { Annotation, END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph"
import { ToolNode } from "@langchain/langgraph/prebuilt"
import { createAgent, tool } from "langchain"
import { z } from "zod"
import {
  decisionGate,
  decisionOf,
  decisionsChannel,
  governedNode,
  governedTool,
  governedTools,
  resumeCommand,
  sendToolCalls,
  Wallet,
  walletMiddleware,
} from "../src/index.ts"

const wallet = Wallet.create({ owner: "research-agent", dailyLimit: 50, requireApprovalAbove: 20 })
const report = tool(async ({ pages }) => ({ pdf: `${pages}`, billed: pages * 0.02 }), {
  name: "buy_report",
  description: "buys",
  schema: z.object({ pages: z.number() }),
})
const search = tool(async ({ q }) => q, {
  name: "search",
  description: "searches",
  schema: z.object({ q: z.string() }),
})
declare const fromServer: DynamicStructuredTool[]

export const buyReport = governedTool(report, {
  wallet,
  amount: ({ pages }) => pages * 0.02,
  to: "reports.example",
  charged: ({ billed }) => billed,
})
// @ts-expect-error the tool has no such argument
governedTool(report, { wallet, amount: ({ words }) => words, to: "reports.example" })
// @ts-expect-error who is paid is missing
governedTool(report, { wallet, amount: 1 })

export const byCustomer = governedTool(report, {
  wallet: ({ context }) => Wallet.connect({ owner: (context as { customer: string }).customer }),
  amount: { amount: "1.50", currency: "USD" },
  to: "reports.example",
})

export const named = governedTools([report, search], {
  wallet,
  terms: {
    buy_report: { amount: ({ pages }) => pages, to: "a" },
    search: { amount: ({ q }) => q.length, to: "b" },
  },
})
// @ts-expect-error there is no such tool in the list
governedTools([report, search], { wallet, terms: { serch: { amount: 1, to: "b" } } })
export const listed = governedTools(fromServer, {
  wallet,
  terms: { crawl: { amount: (a) => a.pages, to: "c" } },
})

export const text = governedTool(
  new DynamicTool({ name: "t", description: "d", func: async (input) => input }),
  {
    wallet,
    amount: 1,
    to: "a",
  },
)

export const agent = createAgent({
  model: "openai:gpt-5",
  tools: [buyReport, ...named, ...listed],
  checkpointer: new MemorySaver(),
  middleware: [
    walletMiddleware({
      wallet,
      tools: { search: { amount: 0.05, to: "search.example" } },
      model: { to: "openai", price: { input: "1.25", output: "10" }, maxOutputTokens: 2000 },
    }),
  ],
})
export const node = new ToolNode([buyReport, ...named])

const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  quote: Annotation<{ total: number; vendor: string; sku: string }>,
  decisions: decisionsChannel,
  invoice: Annotation<string>,
})
type S = typeof State.State

const order = decisionGate<S>("order", {
  wallet,
  key: ({ quote }) => quote.sku,
  amount: ({ quote }) => quote.total,
  to: ({ quote }) => quote.vendor,
})
const built = new StateGraph(State)
  .addNode("ask", order.ask)
  .addNode("wait", order.review)
  .addNode(
    "buy",
    order.run(async ({ quote }) => ({ invoice: quote.sku })),
  )
  .addNode(
    "short",
    governedNode(async (s: S) => ({ invoice: s.quote.sku }), {
      wallet,
      key: (s) => s.quote.sku,
      amount: 1,
      to: "a",
    }),
  )
  .addNode("tools", node)
  .addEdge(START, "ask")
built.addConditionalEdges("ask", ...order.route({ approved: "buy", queued: "wait", rejected: END }))
// @ts-expect-error no node has that name
built.addConditionalEdges("ask", ...order.route({ approved: "buy", queued: "wiat", rejected: END }))
built.addConditionalEdges("short", sendToolCalls("tools"), ["tools", END])
built.addConditionalEdges("short", sendToolCalls("tools", "ask"), ["tools", "ask"])
const graph = built.compile({ checkpointer: new MemorySaver() })

export async function resume(thread: string): Promise<string | undefined> {
  const config = { configurable: { thread_id: thread } }
  for (const each of [graph, agent]) {
    const command = await resumeCommand(each, config)
    // @ts-expect-error there may be nothing to resume
    await graph.invoke(await resumeCommand(each, config), config)
    if (command === undefined) continue
    await graph.invoke(command, config)
    await agent.invoke(command, config)
  }
  const { messages } = await agent.invoke({ messages: [] }, config)
  const decision = decisionOf(messages.at(-1) as AIMessage)
  return decision?.status === "queued" ? decision.approval.id : decision?.execution.settled
}
