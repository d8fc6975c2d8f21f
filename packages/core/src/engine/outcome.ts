import { NornrError } from "../error/nornr-error.ts"
import { defined } from "../input/defined.ts"
import type { Facts, Step, Writes } from "../ledger/ledger.ts"
import { formatMicros } from "../money/money.ts"
import { reason } from "../policy/decide.ts"
import type { ParsedEvidence } from "../spend/evidence.ts"
import { isFinal } from "../spend/machine.ts"
import { type Ended, type Spend, type SpendTexts, withoutDue } from "../spend/spend.ts"
import { type Disclosure, type Sealed, sealedDigest } from "../trail/digest.ts"
import { type Change, changeOf, type Told } from "./change.ts"
import { attachAll } from "./evidence.ts"
import { requireMove, requireSpend } from "./lookup.ts"
import { withoutValue } from "./redact.ts"
import { type Actor, requireOther } from "./reviewer.ts"

/** How an execution ended, or that nobody can say (`lose`). Costs are millionths; left out, the hold. */
export type Ending =
  | {
      readonly action: "settle"
      readonly cost?: bigint | undefined
      readonly result?: Sealed | undefined
      /** The cost could not be read: the hold is settled, and says so. */
      readonly chargeUnknown?: boolean | undefined
      readonly evidence?: readonly ParsedEvidence[] | undefined
    }
  | { readonly action: "release"; readonly error?: Sealed | undefined }
  | { readonly action: "fail"; readonly error?: Sealed | undefined }
  | { readonly action: "lose" }

/** Who ends it: the caller of `pay` (of a wallet, or of one agent's), the holder of a claim, a reviewer. */
export type Ender =
  | { readonly caller: string | undefined }
  | { readonly fence: number }
  | { readonly actor: Actor; readonly remark?: Disclosure | undefined }

/** Ends a spend, or records an outcome that came too late to end it. */
export function endStep(id: string, ending: Ending, by: Ender): Step<Ended> {
  return {
    reads: () => ({ ids: [id] }),
    work(facts) {
      const spend = requireSpend(facts, id, "caller" in by ? by.caller : undefined)
      if ("caller" in by) requireUngoverned(spend)
      if ("actor" in by) requireOther(by.actor, facts.head, spend.run.agent)
      if (endedSo(spend, ending, by)) return { result: { spend, replayed: true } }
      if ("actor" in by) requireHeld(spend)
      const ended = "fence" in by ? { ...spend, endedFence: by.fence } : spend
      return isLate(spend, by) ? recordLate(ended, ending, facts) : recordEnd(ended, ending, by, facts)
    },
  }
}

/** A reviewer corrects what an ended spend has cost in all: a refund, or a bill that came later. */
export function adjustStep(id: string, total: bigint, { actor, remark }: Told): Step<Ended> {
  return {
    reads: () => ({ ids: [id] }),
    work(facts) {
      const spend = requireSpend(facts, id)
      requireOther(actor, facts.head, spend.run.agent)
      const state = requireMove(spend, "adjust")
      if (spend.spent === total && spend.state === state) return { result: { spend, replayed: true } }
      const change = changeOf(facts)
      const data = { decision: id, from: formatMicros(spend.spent), to: formatMicros(total) }
      const after = { ...spend, state, spent: total, adjusted: true as const }
      const result = {
        spend: change.put(spend, after, "spend.adjusted", data, { actor, remark }),
        replayed: false,
      }
      return { writes: change.writes(), result }
    },
  }
}

function recordEnd(spend: Spend, ending: Ending, by: Ender, facts: Facts): { writes: Writes; result: Ended } {
  const state = requireMove(spend, ending.action)
  const change = changeOf(facts)
  const told = "actor" in by ? by : undefined
  const ended = attachAll(ends[ending.action](spend, state, ending, change, told), evidenceIn(ending), change)
  return { writes: change.writes(), result: { spend: ended, replayed: false } }
}

type End = (
  spend: Spend,
  state: Spend["state"],
  ending: Ending,
  change: Change,
  told: Told | undefined,
) => Spend

const ends: Readonly<Record<Ending["action"], End>> = {
  settle(spend, state, ending, change, told) {
    const cost = costOf(ending, spend)
    const unknown = ending.action === "settle" && ending.chargeUnknown === true
    const spent = cost > spend.spent ? cost : spend.spent
    const after = { ...finished(spend, ending, told), state, spent, endedAt: change.at }
    const reasons = unknown ? [...spend.reasons, chargeUnknown] : spend.reasons
    const data = {
      decision: spend.id,
      cost: formatMicros(cost),
      reasons: unknown ? [chargeUnknown.code] : undefined,
      ...digestsOf(ending),
    }
    const settled = change.put(spend, { ...after, reasons }, "spend.settled", defined(data), told)
    if (cost > spend.amount) noteOverage(spend.id, cost - spend.amount, change)
    return settled
  },
  release(spend, state, ending, change, told) {
    const after = { ...finished(spend, ending, told), state, endedAt: change.at }
    return change.put(spend, after, "spend.released", { decision: spend.id, ...digestsOf(ending) }, told)
  },
  fail(spend, state, ending, change) {
    const after = { ...finished(spend, ending), state }
    return change.put(spend, after, "spend.failed", { decision: spend.id, ...digestsOf(ending) })
  },
  lose: (spend, state, _ending, change) => loseSpend(spend, state, change),
}

/** Nobody can say what became of it: the amount stays held. */
export function loseSpend(spend: Spend, state: Spend["state"], change: Change): Spend {
  return change.put(spend, { ...withoutDue(spend), state }, "spend.unknown", { decision: spend.id })
}

const chargeUnknown = reason("charge_unknown", "What it cost could not be read: what was held is settled.")

/** The spend without what it waited for, with what the tool gave or threw, if that is told now. */
function finished(spend: Spend, ending: Ending, told?: Told): Spend {
  if (told !== undefined) return { ...withoutDue(spend), endedBy: told.actor.name }
  const { result: _result, error: _error, ...kept } = spend.texts ?? {}
  return { ...withoutDue(spend), texts: { ...kept, ...textsOf(ending) } }
}

function textsOf(ending: Ending): Pick<SpendTexts, "result" | "error"> {
  const { result, error } = ending as { readonly result?: Sealed; readonly error?: Sealed }
  return defined({ result, error })
}

/** What is kept of a result is in the trail as a digest; of one that is not kept, nothing. */
function digestsOf(ending: Ending): Readonly<Record<string, string>> {
  const kept = Object.entries(textsOf(ending)) as [string, Sealed][]
  const digests = kept.map(([name, sealed]) => [name, sealedDigest(name, sealed)])
  return Object.fromEntries(digests) as Readonly<Record<string, string>>
}

/** An outcome of a claim that is no longer the one that counts. */
function isLate(spend: Spend, by: Ender): boolean {
  return "fence" in by && (isFinal(spend.state) || by.fence !== spend.fence)
}

/** What was decided stays; cost that nothing counts yet is counted, as an overage. */
function recordLate(spend: Spend, ending: Ending, facts: Facts): { writes: Writes; result: Ended } {
  const change = changeOf(facts)
  const cost = ending.action === "settle" ? costOf(ending, spend) : 0n
  const extra = cost > spend.spent && spend.adjusted !== true ? cost - spend.spent : 0n
  const data = {
    decision: spend.id,
    outcome: ending.action,
    cost: formatMicros(cost),
    counted: formatMicros(extra),
    ...digestsOf(ending),
  }
  const after = {
    ...spend,
    spent: spend.spent + extra,
    texts: { ...spend.texts, ...lateTexts(spend, ending) },
  }
  const late = change.put(spend, after, "spend.late_outcome", data)
  if (extra > 0n) noteOverage(spend.id, extra, change)
  const result = { spend: attachAll(late, evidenceIn(ending), change), replayed: false }
  return { writes: change.writes(), result }
}

/** Where texts were deleted, a later one is not kept, either: the purpose is there from the start. */
function lateTexts({ texts }: Spend, ending: Ending): Pick<SpendTexts, "result" | "error"> {
  const late = textsOf(ending)
  const isGone = (text: Sealed | undefined) => text !== undefined && text.value === undefined
  const areDeleted = texts?.purpose === undefined || isGone(texts.result) || isGone(texts.error)
  if (!areDeleted) return late
  const sealed = Object.entries(late).map(([name, each]) => [name, withoutValue(name, each)])
  return Object.fromEntries(sealed) as typeof late
}

function evidenceIn(ending: Ending): readonly ParsedEvidence[] {
  return (ending.action === "settle" ? ending.evidence : undefined) ?? []
}

function noteOverage(decision: string, amount: bigint, change: Change): void {
  change.note("spend.overage", { decision, amount: formatMicros(amount) })
}

function costOf(ending: Ending, spend: Spend): bigint {
  return ending.action === "settle" && ending.cost !== undefined ? ending.cost : spend.amount
}

function requireUngoverned({ id, governed }: Spend): void {
  if (!governed) return
  const remedy =
    "Settle or release it at the review desk once it has failed or is unknown; cancel it before it runs."
  throw new NornrError("desk_only", `Decision ${id} is a governed spend and ends by its claim.`, { remedy })
}

/** A reviewer ends what is held, not what may still end by itself: its key would run beside it. */
function requireHeld({ id, governed, state }: Spend): void {
  if (!governed || (state !== "running" && state !== "approved")) return
  const what = state === "running" ? "is running" : "is approved and not run yet"
  const remedy =
    state === "running"
      ? "Wait until it has ended; if its process has died, it is in desk.unknown() within a minute."
      : "Cancel it with wallet.cancel, or freeze the wallet."
  throw new NornrError("state_conflict", `Decision ${id} ${what}.`, { remedy })
}

/** The same end was recorded before, by the same: a repeat, such as one after a commit that answered late. */
function endedSo(spend: Spend, ending: Ending, by: Ender): boolean {
  if ("fence" in by) return ending.action !== "lose" && spend.endedFence === by.fence
  if (spend.endedBy !== ("actor" in by ? by.actor.name : undefined)) return false
  if (ending.action === "release") return spend.state === "released"
  return ending.action === "settle" && spend.state === "settled" && spend.spent === costOf(ending, spend)
}
