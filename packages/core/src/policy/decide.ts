import type { ParsedIntent } from "../intent/intent.ts"
import type { Mandate } from "../mandate/mandate.ts"
import { type RuleInput, ruleFault } from "../mandate/rule.ts"
import { formatMicros } from "../money/money.ts"
import { countersOf, type Mandates, type Use } from "../spend/counters.ts"
import { isoTime } from "../time/clock.ts"
import { localHour } from "../time/window.ts"
import type { Reason, ReasonCode } from "./reason.ts"
import { limitReason } from "./sentences.ts"

export type Status = "approved" | "queued" | "rejected"

/** What a reviewer has put over a wallet or an agent. */
export type Control = "freeze" | "review_only" | "revoked"

/** What the policy needs to know of the moment; the rest is in the mandates and the intent. */
export interface PolicyFacts {
  /** Milliseconds UTC. */
  readonly at: number
  readonly control: Control | undefined
  readonly agentControl: Control | undefined
  /** How many decisions of the wallet are queued. */
  readonly pending: number
  /** Whether a spend to this counterparty was settled before. */
  readonly seen: boolean
  use(key: string): Use
}

export type PolicyIntent = Pick<ParsedIntent, "micros" | "currency" | "to" | "purpose" | "tags" | "run">

export interface Verdict {
  readonly status: Status
  /** All that apply, those of the verdict first, in the order of the checks. */
  readonly reasons: readonly Reason[]
}

/** The reasons found so far, by what they ask for. */
interface Findings {
  readonly reject: Reason[]
  readonly queue: Reason[]
}

const approved: Verdict = { status: "approved", reasons: [] }

/**
 * The verdict on an intent: pure, no clock, no store. Reject beats queue beats approve. Equal to a limit or a
 * threshold is within it.
 */
export function decide(mandates: Mandates, facts: PolicyFacts, intent: PolicyIntent): Verdict {
  const found: Findings = { reject: [], queue: [] }
  checkControls(found, facts, intent)
  checkExpiry(found, mandates, facts)
  const comparable = intent.currency === mandates.wallet.body.currency
  if (!comparable) found.reject.push(currencyReason(mandates.wallet, intent))
  checkCounterparty(found, mandates, intent)
  if (comparable) {
    checkMaxTransaction(found, mandates, intent)
    checkLimits(found, mandates, facts, intent)
    checkRules(found, mandates, facts, intent)
    checkThreshold(found, mandates, intent)
  }
  return verdictOf(found, facts.pending, mandates.wallet.maxPending)
}

/**
 * What may have changed since a decision and forbids it now: frozen, revoked, expired, denied. Never the
 * limits, which the hold covers.
 */
export function recheck(
  mandates: Mandates,
  facts: Pick<PolicyFacts, "at" | "control" | "agentControl">,
  intent: Pick<PolicyIntent, "to" | "run">,
): readonly Reason[] {
  const found: Findings = { reject: [], queue: [] }
  checkControls(found, facts, intent)
  checkExpiry(found, mandates, facts)
  checkCounterparty(found, mandates, intent)
  return found.reject
}

function verdictOf({ reject, queue }: Findings, pending: number, maxPending: number): Verdict {
  if (reject.length > 0) return { status: "rejected", reasons: [...reject, ...queue] }
  if (queue.length === 0) return approved
  if (pending < maxPending) return { status: "queued", reasons: queue }
  const message = `${pending} decisions already wait for a reviewer, of at most ${maxPending}.`
  return { status: "rejected", reasons: [reason("too_many_pending", message), ...queue] }
}

function checkControls(
  found: Findings,
  { control, agentControl }: Pick<PolicyFacts, "control" | "agentControl">,
  { run }: Pick<PolicyIntent, "run">,
): void {
  const agent = `Agent ${run.agent}`
  for (const [who, set] of [["The wallet", control] as const, [agent, agentControl] as const]) {
    if (set === "freeze")
      found.reject.push(reason("frozen", `${who} is frozen until a reviewer unfreezes it.`))
    if (set === "revoked") found.reject.push(reason("agent_revoked", `${who} was revoked by a reviewer.`))
    if (set === "review_only")
      found.queue.push(reason("review_only", `${who} is under review: a person decides.`))
  }
}

function checkExpiry(found: Findings, mandates: Mandates, { at }: Pick<PolicyFacts, "at">): void {
  for (const mandate of each(mandates)) {
    if (mandate.expiresAt === undefined || at < mandate.expiresAt) continue
    found.reject.push(reason("mandate_expired", `The mandate ended at ${isoTime(mandate.expiresAt)}.`))
  }
}

function currencyReason(wallet: Mandate, { currency }: PolicyIntent): Reason {
  const message = `The wallet spends ${wallet.body.currency}, not ${currency}; amounts are never converted.`
  return reason("currency_mismatch", message)
}

function checkCounterparty(found: Findings, mandates: Mandates, { to }: Pick<PolicyIntent, "to">): void {
  for (const { deny, allow } of each(mandates)) {
    if (deny.has(to)) found.reject.push(reason("counterparty_denied", `${to} is on the deny list.`))
    if (allow === undefined || allow.has(to)) continue
    found.reject.push(reason("counterparty_not_allowed", `${to} is not among the allowed counterparties.`))
  }
}

function checkMaxTransaction(found: Findings, mandates: Mandates, { micros, currency }: PolicyIntent): void {
  for (const { maxTransaction } of each(mandates)) {
    if (maxTransaction === undefined || micros <= maxTransaction) continue
    const most = formatMicros(maxTransaction)
    const requested = formatMicros(micros)
    const message = `One spend may cost at most ${most} ${currency}; ${requested} was requested.`
    found.reject.push({
      code: "max_transaction_exceeded",
      message,
      limit: "maxTransaction",
      requested,
      remaining: most,
    })
  }
}

function checkLimits(found: Findings, mandates: Mandates, facts: PolicyFacts, intent: PolicyIntent): void {
  for (const { limit, key } of countersOf(mandates, intent, facts.at)) {
    const { held, settled } = facts.use(key)
    const used = held + settled
    const requested = limit.unit === "amount" ? intent.micros : 1n
    if (used + requested <= limit.max) continue
    found[limit.over].push(
      limitReason({ limit, key, used, requested, currency: intent.currency, at: facts.at }),
    )
  }
}

function checkRules(found: Findings, mandates: Mandates, facts: PolicyFacts, intent: PolicyIntent): void {
  const rules =
    mandates.agent === undefined ? mandates.wallet.rules : [...mandates.wallet.rules, ...mandates.agent.rules]
  if (rules.length === 0) return
  const input = ruleInput(mandates, facts, intent)
  for (const rule of rules) {
    try {
      if (rule.applies(input)) found[rule.effect].push(reason("rule", `Rule "${rule.name}" applies.`))
    } catch (error) {
      found.reject.push(
        reason("rule_failed", `Rule "${rule.name}" cannot be evaluated here: ${ruleFault(error)}.`),
      )
    }
  }
}

function ruleInput(mandates: Mandates, facts: PolicyFacts, intent: PolicyIntent): RuleInput {
  const { tool = "", agent = "", thread = "" } = intent.run
  const { micros, to, purpose, tags } = intent
  const { seen, pending, at } = facts
  return {
    micros,
    to,
    purpose,
    tags,
    tool,
    agent,
    thread,
    seen,
    pending,
    at,
    ...localHour(at, mandates.wallet.timeZone),
  }
}

function checkThreshold(found: Findings, mandates: Mandates, { micros, currency }: PolicyIntent): void {
  for (const { threshold } of each(mandates)) {
    if (threshold === undefined || micros <= threshold) continue
    const requested = formatMicros(micros)
    const most = formatMicros(threshold)
    const message = `${requested} ${currency} needs approval: above ${most} ${currency} a person decides.`
    found.queue.push({
      code: "above_approval_threshold",
      message,
      limit: "requireApprovalAbove",
      requested,
      remaining: most,
    })
  }
}

function each({ wallet, agent }: Mandates): readonly Mandate[] {
  return agent === undefined ? [wallet] : [wallet, agent]
}

export function reason(code: ReasonCode, message: string): Reason {
  return { code, message }
}
