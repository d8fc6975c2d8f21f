import { NornrError } from "../error/nornr-error.ts"
import type { Facts, Step, Writes } from "../ledger/ledger.ts"
import { formatMicros } from "../money/money.ts"
import { recheck } from "../policy/decide.ts"
import { isFinal } from "../spend/machine.ts"
import { type Ended, type Spend, withoutDue } from "../spend/spend.ts"
import { type Change, changeOf } from "./change.ts"
import { requireMove, requireSpend } from "./lookup.ts"
import { standingOf } from "./standing.ts"

/** How an execution ended, or that nobody can say (`lose`). Costs are millionths; left out, the hold. */
export type Ending =
  | { readonly action: "settle"; readonly cost?: bigint }
  | { readonly action: "release" }
  | { readonly action: "fail" }
  | { readonly action: "lose" }

/** Who ends it: the caller of `pay` (of a wallet, or of one agent's), the holder of a claim, the review desk. */
export type Ender = { readonly caller: string | undefined } | { readonly fence: number } | "desk"

/**
 * The tool is about to run. Checks again what may have changed: a refused claim of an approval ends the spend;
 * one of a held outcome (a tool that may run again) leaves it held.
 */
export function claimStep(id: string): Step<Spend> {
  return {
    reads: () => ({ ids: [id] }),
    work(facts) {
      const spend = requireSpend(facts, id)
      const state = requireMove(spend, "claim")
      const { mandates, control, agentControl } = standingOf(facts.head, spend.run.agent)
      const reasons = recheck(mandates, { at: facts.at, control, agentControl }, spend)
      const change = changeOf(facts)
      if (reasons.length > 0) return { result: refuse(spend, reasons, change), writes: change.writes() }
      const fence = (spend.fence ?? 0) + 1
      const after = { ...withoutDue(spend), state, fence }
      const result = change.put(spend, after, "spend.claimed", { decision: id, fence })
      return { writes: change.writes(), result }
    },
  }
}

function refuse(spend: Spend, reasons: Spend["reasons"], change: Change): Spend {
  const state = requireMove(spend, "refuse")
  const after = { ...withoutDue(spend), state, endedAt: change.at, reasons: [...reasons, ...spend.reasons] }
  const codes = reasons.map(({ code }) => code)
  return change.put(spend, after, "approval.resolved", {
    decision: spend.id,
    state: "refused",
    reasons: codes,
  })
}

/** Ends a spend, or records an outcome that came too late to end it. */
export function endStep(id: string, ending: Ending, by: Ender): Step<Ended> {
  return {
    reads: () => ({ ids: [id] }),
    work(facts) {
      const isCaller = typeof by === "object" && "caller" in by
      const spend = requireSpend(facts, id, isCaller ? by.caller : undefined)
      if (isCaller) {
        requireUngoverned(spend)
        if (endedSo(spend, ending)) return { result: { spend, replayed: true } }
      }
      return isLate(spend, by) ? recordLate(spend, ending, facts) : recordEnd(spend, ending, facts)
    },
  }
}

function recordEnd(spend: Spend, ending: Ending, facts: Facts): { writes: Writes; result: Ended } {
  const state = requireMove(spend, ending.action)
  const change = changeOf(facts)
  const result = { spend: ends[ending.action](spend, state, ending, change), replayed: false }
  return { writes: change.writes(), result }
}

type End = (spend: Spend, state: Spend["state"], ending: Ending, change: Change) => Spend

const ends: Readonly<Record<Ending["action"], End>> = {
  settle(spend, state, ending, change) {
    const cost = costOf(ending, spend)
    const after = { ...withoutDue(spend), state, spent: spend.spent + cost, endedAt: change.at }
    const settled = change.put(spend, after, "spend.settled", {
      decision: spend.id,
      cost: formatMicros(cost),
    })
    if (cost > spend.amount) noteOverage(spend.id, cost - spend.amount, change)
    return settled
  },
  release(spend, state, _ending, change) {
    const after = { ...withoutDue(spend), state, endedAt: change.at }
    return change.put(spend, after, "spend.released", { decision: spend.id })
  },
  fail(spend, state, _ending, change) {
    return change.put(spend, { ...spend, state }, "spend.failed", { decision: spend.id })
  },
  lose(spend, state, _ending, change) {
    return change.put(spend, { ...spend, state }, "spend.unknown", { decision: spend.id })
  },
}

/** An outcome of a claim that is no longer the one that counts. */
function isLate(spend: Spend, by: Ender): boolean {
  return typeof by === "object" && "fence" in by && (isFinal(spend.state) || by.fence !== spend.fence)
}

/** What was decided stays; cost that nothing counts yet is counted, as an overage. */
function recordLate(spend: Spend, ending: Ending, facts: Facts): { writes: Writes; result: Ended } {
  const change = changeOf(facts)
  const cost = ending.action === "settle" ? costOf(ending, spend) : 0n
  const counted = isFinal(spend.state) ? spend.spent : 0n
  const extra = cost > counted ? cost - counted : 0n
  const data = {
    decision: spend.id,
    outcome: ending.action,
    cost: formatMicros(cost),
    counted: formatMicros(extra),
  }
  const after = { ...spend, spent: spend.spent + extra }
  const late = change.put(spend, after, "spend.late_outcome", data)
  if (extra > 0n) noteOverage(spend.id, extra, change)
  return { writes: change.writes(), result: { spend: late, replayed: false } }
}

function noteOverage(decision: string, amount: bigint, change: Change): void {
  change.note("spend.overage", { decision, amount: formatMicros(amount) })
}

function costOf(ending: Ending, spend: Spend): bigint {
  return ending.action === "settle" && ending.cost !== undefined ? ending.cost : spend.amount
}

function requireUngoverned({ id, governed, state }: Spend): void {
  if (!governed && state !== "failed" && state !== "unknown") return
  const remedy = "Settle or release it at the review desk."
  throw new NornrError("desk_only", `Decision ${id} is a governed spend and ends by its claim.`, { remedy })
}

function endedSo(spend: Spend, ending: Ending): boolean {
  if (ending.action === "release") return spend.state === "released"
  return ending.action === "settle" && spend.state === "settled" && spend.spent === costOf(ending, spend)
}
