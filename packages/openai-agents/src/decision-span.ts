import type { Decision } from "@nornr/core"
import { getCurrentTrace, withCustomSpan } from "@openai/agents"

/** Puts a new decision into the SDK's trace, where there is one; amounts and names, no arguments. */
export async function traceDecision(decision: Decision): Promise<void> {
  if (decision.replayed === true || getCurrentTrace() === null) return
  const { id, status, amount, currency, to, run, reasons, receipt } = decision
  const data = { id, status, amount, currency, to, reasons: reasons.map(({ code }) => code), receipt }
  await withCustomSpan(async () => undefined, {
    data: { name: `nornr ${status}`, data: { ...data, ...(run.tool && { tool: run.tool }) } },
  })
}
