import { parseIntent } from "../packages/core/src/intent/intent.ts"
import { amendBody, compileMandate, sealMandate } from "../packages/core/src/mandate/mandate.ts"
import { mandateTermNames, parseTerms } from "../packages/core/src/mandate/parse-terms.ts"
import { decide } from "../packages/core/src/policy/decide.ts"

/** Microseconds of one verdict under five limits, all of which match. */
export function decideAlone(): number {
  const terms = {
    dailyLimit: 1000,
    requireApprovalAbove: 25,
    limits: [
      { amount: 1000, per: "month", over: "queue" },
      { amount: 1000, per: "day", by: "counterparty" },
      { count: 1000, per: "hour", by: "agent" },
      { amount: 1000, by: "run" },
    ],
  }
  const body = amendBody(undefined, parseTerms(terms, mandateTermNames, "USD"), "USD")
  const mandates = { wallet: compileMandate(sealMandate(body).body), agent: undefined }
  const run = { thread: "t1", agent: "researcher" }
  const intent = parseIntent({ amount: 16, to: "openai", run }, "USD", undefined)
  const use = () => ({ held: 1_000_000n, settled: 2_000_000n })
  const facts = { at: Date.now(), control: undefined, agentControl: undefined, pending: 0, seen: false, use }
  const turns = 200_000
  let microseconds = Number.POSITIVE_INFINITY
  for (let round = 0; round < 5; round++) {
    const start = performance.now()
    for (let turn = 0; turn < turns; turn++) decide(mandates, facts, intent)
    microseconds = Math.min(microseconds, ((performance.now() - start) / turns) * 1000)
  }
  return microseconds
}
