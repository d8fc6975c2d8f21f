import { NornrError } from "../error/nornr-error.ts"
import { defined } from "../input/defined.ts"
import type { ParsedIntent } from "../intent/intent.ts"
import type { Facts, Head, Reads, Step, Writes } from "../ledger/ledger.ts"
import { formatMicros } from "../money/money.ts"
import { decide, type Verdict } from "../policy/decide.ts"
import { countersOf, seenKey } from "../spend/counters.ts"
import { statusOf } from "../spend/decision.ts"
import { type Spend, type SpendTexts, withoutKey } from "../spend/spend.ts"
import { isoTime } from "../time/clock.ts"
import type { Json } from "../trail/canonical.ts"
import { disclosureDigest } from "../trail/digest.ts"
import { hashOfReasons } from "../trail/told.ts"
import { type Change, changeOf, type Unsealed } from "./change.ts"
import { type ClaimedFrom, claim, claimWithin } from "./claim.ts"
import { requireSpend } from "./lookup.ts"
import { requireClock, type Standing, standingOf } from "./standing.ts"

/** An intent with all that must be drawn before the commit, so that the step is pure. */
export interface Ask {
  readonly intent: ParsedIntent
  readonly id: string
  readonly approvalId: string
  readonly texts: SpendTexts
  readonly binding: string | undefined
  readonly governed: boolean
}

export interface Answer {
  readonly spend: Spend
  /** The key was used before: this is the decision of then. */
  readonly replayed: boolean
}

/** Asks for a decision and commits it. */
export function askStep(ask: Ask): Step<Answer> {
  return {
    reads: (head, at) => askReads(ask.intent, head, at),
    work(facts) {
      const known = knownSpend(ask.intent, ask.binding, facts)
      if (known !== undefined && !isOver(known)) return repeat(known, facts)
      const change = changeOf(facts)
      const spend = record(ask, known, facts, change)
      return { writes: change.writes(), result: { spend, replayed: false } }
    },
  }
}

/** A governed call: what its key stands for, and the ask that is made where it stands for nothing yet. */
export interface GovernedAsk {
  /** The decision itself, where there is one already. */
  readonly id?: string | undefined
  readonly key: string | undefined
  readonly binding: string | undefined
  /** Who asks; a call that names nobody is taken for that of whoever its decision names. */
  readonly agent: string | undefined
  /** Left out where amount and counterparty are not known yet. */
  readonly ask?: Ask | undefined
  /** Claims what is approved, in the same commit. */
  readonly claims: boolean
  /** Asks anew for what was rejected, expired or canceled. */
  readonly reask: boolean
  /** The tool may run again after a failure or an unknown outcome. */
  readonly idempotent: boolean
}

export type GovernedAnswer =
  | { readonly kind: "unasked" }
  | { readonly kind: "answered"; readonly spend: Spend; readonly replayed: boolean }
  | { readonly kind: "claimed"; readonly spend: Spend; readonly from: ClaimedFrom }

/** Finds what the key of a governed call stands for, or asks; claims what may run, all in one commit. */
export function governStep(call: GovernedAsk): Step<GovernedAnswer> {
  const { id, key, ask } = call
  // A call that had no key is known by the id of its decision.
  const ids = [id, key?.startsWith("dec_") ? key : undefined].filter((each) => each !== undefined)
  const reads = { ids, keys: key === undefined ? [] : [key] }
  return {
    reads: (head, at) => (ask === undefined ? reads : { ...askReads(ask.intent, head, at), ...reads }),
    work(facts) {
      const known = knownTo(call, facts)
      if (known !== undefined) requireSameCall(known, call)
      if (known !== undefined && !isAskedAnew(known, call)) return answerKnown(known, call, facts)
      if (ask === undefined) return { result: { kind: "unasked" } }
      const change = changeOf(facts)
      const spend = record(ask, known, facts, change)
      const mayRun = call.claims && spend.state === "approved"
      const result: GovernedAnswer = mayRun
        ? { kind: "claimed", spend: claim(spend, facts, change), from: "new" }
        : { kind: "answered", spend, replayed: false }
      return { writes: change.writes(), result }
    },
  }
}

function knownTo({ id, key }: GovernedAsk, facts: Facts): Spend | undefined {
  if (id !== undefined) return requireSpend(facts, id)
  return key === undefined ? undefined : (facts.spendByKey(key) ?? keyless(facts.spend(key)))
}

/** A call that had no key is known by the id of its decision, as long as it has not ended. */
function keyless(spend: Spend | undefined): Spend | undefined {
  return spend?.key === undefined && spend?.governed === true && !isOver(spend) ? spend : undefined
}

function isAskedAnew(known: Spend, { reask, key }: GovernedAsk): boolean {
  return isOver(known) || (reask && known.state === "rejected" && known.id !== key)
}

function answerKnown(
  known: Spend,
  { claims, idempotent }: GovernedAsk,
  facts: Facts,
): { readonly writes?: Writes; readonly result: GovernedAnswer } {
  const isHeld = known.state === "failed" || known.state === "unknown"
  if (!claims || (known.state !== "approved" && !(isHeld && idempotent))) {
    const { writes, result } = repeat(known, facts)
    return defined({ writes, result: { kind: "answered" as const, ...result } })
  }
  const change = changeOf(facts)
  const spend = claim(known, facts, change)
  const writes = change.writes()
  if (spend.state !== "running") return { writes, result: { kind: "answered", spend, replayed: true } }
  return { writes, result: { kind: "claimed", spend, from: known.state as ClaimedFrom } }
}

/** The verdict an ask would get, without asking. */
export function previewStep(intent: ParsedIntent, binding: string | undefined): Step<Verdict> {
  return {
    reads: (head, at) => askReads(intent, head, at),
    work(facts) {
      requireClock(facts)
      const known = knownSpend(intent, binding, facts)
      if (known !== undefined && !isOver(known)) {
        return { result: { status: statusOf(known.state), reasons: known.reasons } }
      }
      return { result: verdictOn(intent, standingOf(facts.head, intent.run.agent), facts) }
    },
  }
}

function askReads(intent: ParsedIntent, head: Head, at: number): Reads {
  const { key } = intent
  return { ...limitReads(intent, head, at), ...(key === undefined ? {} : { keys: [key] }) }
}

function limitReads(intent: ParsedIntent, head: Head, at: number): Reads {
  const { mandates } = standingOf(head, intent.run.agent)
  const counters = countersOf(mandates, intent, at).map(({ key }) => key)
  return { counters: readsSeen(mandates) ? [...counters, seenKey(intent.to)] : counters }
}

/** A rule may read it under any spelling. */
function readsSeen({ wallet, agent }: Standing["mandates"]): boolean {
  return wallet.rules.length > 0 || (agent !== undefined && agent.rules.length > 0)
}

function knownSpend(intent: ParsedIntent, binding: string | undefined, facts: Facts): Spend | undefined {
  const known = intent.key === undefined ? undefined : facts.spendByKey(intent.key)
  if (known !== undefined) requireBinding(known, intent.key, binding, differences(known, intent))
  return known
}

function requireSameCall(known: Spend, { key, binding, agent }: GovernedAsk): void {
  requireBinding(known, key, binding, "tool or arguments")
  if (agent === undefined || agent === known.run.agent) return
  throw keyConflict(known, key, "agent")
}

function requireBinding(
  known: Spend,
  key: string | undefined,
  binding: string | undefined,
  differs: string,
): void {
  if (known.binding !== binding) throw keyConflict(known, key, differs)
}

function keyConflict({ id }: Spend, key: string | undefined, differs: string): NornrError {
  const problem = `The idempotency key ${JSON.stringify(key)} was used for ${id}, with other ${differs}.`
  const remedy = "Use a new key for a new request; repeat a request with exactly the same fields."
  return new NornrError("key_conflict", problem, { remedy })
}

/** What a repeat changed; arguments, tags and purpose are known by their digest alone. */
function differences(known: Spend, { micros, currency, to, run }: ParsedIntent): string {
  const changed = [
    (known.amount !== micros || known.currency !== currency) && "amount",
    known.to !== to && "to",
    known.run.agent !== run.agent && "agent",
    known.run.tool !== run.tool && "tool",
  ].filter((name) => name !== false)
  return changed.length === 0 ? "purpose, tags or args" : changed.join(", ")
}

function verdictOn(intent: ParsedIntent, standing: Standing, facts: Facts): Verdict {
  const { mandates, control, agentControl, wallet } = standing
  const seen = readsSeen(mandates) && facts.use(seenKey(intent.to)).settled > 0n
  const use = (key: string) => facts.use(key)
  return decide(mandates, { at: facts.at, control, agentControl, pending: wallet.pending, seen, use }, intent)
}

/** A repeat makes an unspent decision that of one asker more: none can withdraw it from the others. */
function repeat(known: Spend, facts: Facts): { readonly writes?: Writes; readonly result: Answer } {
  const result = { spend: known, replayed: true }
  if (known.state !== "approved" && known.state !== "queued") return { result }
  const change = changeOf(facts)
  change.rewrite({ ...known, askers: (known.askers ?? 1) + 1 })
  return { result, writes: change.writes() }
}

/** Nothing came of it and it holds nothing: the key asks anew, under today's mandate. */
function isOver({ state, spent, withdrawn }: Spend): boolean {
  return withdrawn === true || (state === "released" && spent === 0n)
}

/** Decides an intent, anew where the key had an earlier decision, and records the decision. */
function record(ask: Ask, previous: Spend | undefined, facts: Facts, change: Change): Spend {
  const standing = standingOf(facts.head, ask.intent.run.agent)
  const verdict = verdictOn(ask.intent, standing, facts)
  if (previous !== undefined) change.rewrite(withoutKey(previous))
  const spend = spendOf(ask, standing, verdict, change.at, previous?.id)
  return change.put(undefined, spend, "decision.made", decisionData(spend, ask))
}

function spendOf(
  ask: Ask,
  { ref, mandates }: Standing,
  { status, reasons }: Verdict,
  at: number,
  previous: string | undefined,
): Unsealed {
  const { micros, currency, to, tags, run, key } = ask.intent
  const expiresAt = at + mandates.wallet.approvalTtl
  const lapses = ask.governed ? at + claimWithin : undefined
  return defined({
    id: ask.id,
    state: status,
    amount: micros,
    spent: 0n,
    currency,
    to,
    tags,
    run,
    askedAt: at,
    mandate: ref,
    reasons,
    governed: ask.governed,
    key,
    binding: ask.binding,
    previous,
    due: status === "queued" ? expiresAt : status === "approved" ? lapses : undefined,
    approval: status === "queued" ? { id: ask.approvalId, state: "pending" as const, expiresAt } : undefined,
    texts: ask.texts,
  })
}

/** What the trail keeps of a decision: all but the texts of people and models, of which it keeps digests. */
function decisionData(spend: Unsealed, { texts }: Ask): { readonly [name: string]: Json } {
  const { run, approval, due, tags } = spend
  return defined({
    decision: spend.id,
    status: spend.state,
    amount: formatMicros(spend.amount),
    currency: spend.currency,
    to: spend.to,
    tags: Object.keys(tags).length === 0 ? undefined : tags,
    ...run,
    key: spend.key,
    binding: spend.binding,
    governed: spend.governed ? true : undefined,
    previous: spend.previous,
    reasons: spend.reasons.length === 0 ? undefined : spend.reasons.map(({ code }) => code),
    because: spend.reasons.length === 0 ? undefined : hashOfReasons(spend.reasons),
    approval: approval?.id,
    due: due === undefined ? undefined : isoTime(due),
    purpose: texts.purpose && disclosureDigest("purpose", texts.purpose),
    args: texts.args && disclosureDigest("args", texts.args),
  })
}
