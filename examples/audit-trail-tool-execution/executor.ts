// AutoGen's pattern: several agents talk, one executor runs the tools of all of them. The executor is the one
// place where money is spent, so it is the one place that asks.
import { createToolExecutor, type ToolExecutor, type Wallet } from "@nornr/core"
import { getJson, type Quote, type Work } from "./service.ts"

// #region executor
export function openExecutor(wallet: Wallet, service: string): ToolExecutor {
  const paid = (tool: string) => {
    const quote = async () => (await getJson(`${service}/price/${tool}`)) as Quote
    return {
      execute: async (_args: unknown) => (await getJson(`${service}/run/${tool}`)) as Work,
      terms: {
        amount: async () => (await quote()).price, // held before the tool runs
        to: async () => (await quote()).vendor,
        purpose: "tool execution",
        charged: ({ charged }: Work) => charged, // what it really cost
      },
    }
  }
  const names = ["summarise", "render", "buy_list", "train", "archive", "translate"]
  return createToolExecutor({ wallet, tools: Object.fromEntries(names.map((name) => [name, paid(name)])) })
}
// #endregion executor
