// AutoGen's pattern: several agents talk, one executor runs the tools of all of them. The executor is the one
// place where money is spent, so it is the one place that asks.
import type { Decision, Wallet } from "@nornr/core"
import { getJson, type Quote, type Work } from "./service.ts"

export interface ToolCall {
  readonly id: string
  readonly speaker: string
  readonly tool: string
  readonly args: Readonly<Record<string, string>>
}

// #region executor
/** What a tool call came to: the decision stays next to the result. */
export interface Executed {
  readonly call: ToolCall
  readonly decision: Decision
  readonly result?: string
}

export async function execute(
  wallet: Wallet,
  service: string,
  thread: string,
  call: ToolCall,
): Promise<Executed> {
  const { vendor, price } = (await getJson(`${service}/price/${call.tool}`)) as Quote
  const decision = await wallet.pay({
    amount: price,
    to: vendor,
    purpose: "tool execution",
    tool: call.tool,
    args: call.args,
    run: { thread, agent: call.speaker, call: call.id },
    idempotencyKey: `${thread}/${call.id}`,
  })
  if (decision.status !== "approved" || decision.replayed) return { call, decision }
  const { result, charged } = (await getJson(`${service}/run/${call.tool}`)) as Work
  return { call, result, decision: await wallet.settle(decision, charged) }
}
// #endregion executor
