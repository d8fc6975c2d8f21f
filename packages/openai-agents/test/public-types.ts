// Checked by `tsc` alone: what users of the adapter may write, and what they may not.
import {
  Agent,
  hostedMcpTool,
  MCPServerStdio,
  OpenAIProvider,
  type RunContext,
  RunState,
  run,
  tool,
  webSearchTool,
} from "@openai/agents"
import { z } from "zod"
import {
  budgetGuardrail,
  decisionOf,
  decisionsOf,
  governedMcpTools,
  governedModel,
  governedTool,
  governedTools,
  pendingDecisions,
  Wallet,
} from "../src/index.ts"

interface Context {
  readonly conversation: string
  readonly customer: string
}
declare const api: {
  render(options: { seconds: number }): Promise<{ url: string; seconds: number }>
  search(q: string): Promise<string>
}

const wallet = Wallet.create({ owner: "shopper", dailyLimit: 70, requireApprovalAbove: 25 })
const common = { wallet, scope: (context: Context) => context.conversation }
const bareRender = tool({
  name: "render",
  description: "renders",
  parameters: z.object({ seconds: z.number() }),
  execute: async ({ seconds }) => (await api.render({ seconds })).url,
})
const bareSearch = tool({
  name: "search",
  description: "searches",
  parameters: z.object({ q: z.string() }),
  execute: ({ q }) => api.search(q),
})

export const render = governedTool(bareRender, {
  ...common,
  amount: ({ seconds }) => seconds * 0.5,
  to: "render.example",
})
// @ts-expect-error the tool has no such argument
governedTool(bareRender, { ...common, amount: ({ minutes }) => minutes, to: "render.example" })
// @ts-expect-error who is paid is missing
governedTool(bareRender, { ...common, amount: 1 })
// @ts-expect-error there is no such rule for errors
governedTool(bareRender, { ...common, amount: 1, to: "a", onError: "keep" })

export const search = governedTool(bareSearch, { ...common, amount: 0.05, to: "search.example" })
export const perCustomer = governedTool(bareSearch, {
  wallet: ({ context }) => Wallet.create({ owner: (context as Context).customer, dailyLimit: 5 }),
  amount: 0.05,
  to: "search.example",
})

export const made = governedTool({
  name: "render",
  description: "renders",
  parameters: z.object({ seconds: z.number() }),
  execute: ({ seconds }, context?: RunContext<Context>) => {
    void context?.context.customer
    return api.render({ seconds })
  },
  ...common,
  amount: ({ seconds }) => seconds * 0.5,
  to: "render.example",
  charged: ({ seconds }) => seconds * 0.5,
  onError: "release",
})
governedTool({
  name: "render",
  description: "renders",
  parameters: z.object({ seconds: z.number() }),
  execute: ({ seconds }) => api.render({ seconds }),
  ...common,
  // @ts-expect-error the tool has no such argument
  amount: ({ minutes }) => minutes,
  to: "render.example",
})

export const hosted = governedTool(
  hostedMcpTool({ serverLabel: "shop", serverUrl: "https://shop.example", requireApproval: "always" }),
  { ...common, amount: ({ args }) => args.price, to: "shop.example" },
)
export const listed = governedTools([bareRender, bareSearch, webSearchTool()], {
  ...common,
  terms: { search: { amount: ({ q }) => q.length, to: "search.example" } },
  allowUngated: ["web_search"],
})

const files = new MCPServerStdio({ command: "crawler" })
export const model = governedModel(await new OpenAIProvider().getModel("gpt-5"), {
  wallet,
  to: "openai",
  price: { input: "1.25", output: "10" },
  maxOutputTokens: 2000,
})
export const agent = new Agent<Context>({
  name: "Shopper",
  model,
  inputGuardrails: [budgetGuardrail({ wallet, atLeast: 5 })],
  tools: [
    render,
    search,
    made,
    hosted,
    ...listed,
    ...(await governedMcpTools(files, {
      wallet,
      terms: { crawl: { amount: (args) => args.pages * 0.01, to: "crawler.example" } },
    })),
  ],
})

export async function step(saved: string | undefined): Promise<unknown> {
  const input = saved === undefined ? "render 60 seconds" : await RunState.fromString(agent, saved)
  const result = await run(agent, input as string, { context: { conversation: "c", customer: "d" } })
  if (result.interruptions.length > 0) return pendingDecisions(result).map(({ id }) => id)
  const [first] = result.newItems
  const decision = decisionOf(first)
  return decision?.status === "queued"
    ? decision.approval.expiresAt
    : decisionsOf(result).map(({ execution }) => execution.settled)
}

export async function stream(): Promise<readonly unknown[]> {
  const streamed = await run(agent, "go", { stream: true, context: { conversation: "c", customer: "d" } })
  await streamed.completed
  return pendingDecisions(streamed)
}
