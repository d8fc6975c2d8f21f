import { defined } from "../input/defined.ts"
import type { Facts, Step, Writes } from "../ledger/ledger.ts"
import { reason, recheck } from "../policy/decide.ts"
import type { Reason } from "../policy/reason.ts"
import { nextState } from "../spend/machine.ts"
import { type Spend, withoutDue, withoutKey } from "../spend/spend.ts"
import { isoTime } from "../time/clock.ts"
import { type Change, changeOf, type Unsealed } from "./change.ts"
import { requireMove, requireSpend } from "./lookup.ts"
import { loseSpend } from "./outcome.ts"
import { isApprovalSigned } from "./reviewer.ts"
import { standingOf } from "./standing.ts"

/** How long a claim is good without renewal, milliseconds. */
export const leaseTime = 60_000

/** An automatic approval that nobody claims lapses after this, milliseconds. */
export const claimWithin: number = 15 * 60_000

/**
 * The tool is about to run. Checks again what may have changed: a refused claim of an approval ends the spend;
 * one of a held outcome (a tool that may run again) leaves it held.
 */
export function claim(spend: Spend, facts: Facts, change: Change): Spend {
  const state = requireMove(spend, "claim")
  const reasons = objections(spend, facts)
  if (reasons.length > 0) return refuse(spend, reasons, change)
  const fence = (spend.fence ?? 0) + 1
  const after = defined({
    ...withoutDue(spend),
    state,
    fence,
    due: change.at + leaseTime,
    claimBy: spend.due,
  })
  return change.put(spend, after as Unsealed, "spend.claimed", { decision: spend.id, fence })
}

function objections(spend: Spend, { head, at }: Facts): readonly Reason[] {
  const { mandates, control, agentControl } = standingOf(head, spend.run.agent)
  const changed = recheck(mandates, { at, control, agentControl }, spend)
  return isApprovalSigned(spend, head) ? changed : [...changed, unsigned]
}

const unsigned = reason("approval_unsigned", "Its approval is not signed by a reviewer of the mandate.")

function refuse(spend: Spend, reasons: Spend["reasons"], change: Change): Spend {
  const state = nextState(spend.state, "refuse")
  if (state === undefined) return spend
  const after = { ...withoutDue(spend), state, endedAt: change.at, reasons: [...reasons, ...spend.reasons] }
  const codes = reasons.map(({ code }) => code)
  const data = { decision: spend.id, state: "refused", reasons: codes }
  return change.put(spend, after, "approval.resolved", data)
}

/** Keeps a claim for another while; gives whether it still is the one that counts. Not in the trail. */
export function renewStep(id: string, fence: number): Step<boolean> {
  return {
    reads: () => ({ ids: [id] }),
    work(facts) {
      const spend = requireSpend(facts, id)
      if (spend.state !== "running" || spend.fence !== fence) return { result: false }
      const change = changeOf(facts)
      change.rewrite({ ...spend, due: facts.at + leaseTime })
      return { writes: change.writes(), result: true }
    },
  }
}

interface Claimed {
  readonly fence: number
  readonly from: ClaimedFrom
  /** The decision that the key stood for before. */
  readonly previous?: string | undefined
}

/**
 * Takes back a claim under which nothing has run: its caller was told that nothing happened, or heard of it after
 * its lease had ended.
 */
export function unclaimStep(id: string, { fence, from, previous }: Claimed): Step<unknown> {
  return {
    reads: () => ({ ids: previous === undefined ? [id] : [id, previous] }),
    work(facts): { readonly writes?: Writes; readonly result: unknown } {
      const spend = requireSpend(facts, id)
      const isOurs = spend.fence === fence && spend.endedFence !== fence
      if (!isOurs || (spend.state !== "running" && spend.state !== "unknown")) return { result: undefined }
      const change = changeOf(facts)
      takeBack[from](spend, facts, change)
      return { writes: change.writes(), result: undefined }
    },
  }
}

/** What was claimed: a decision made in the same commit, one that was approved before, one that had run before. */
export type ClaimedFrom = "new" | "approved" | "failed" | "unknown"

const takeBack: Readonly<Record<ClaimedFrom, (spend: Spend, facts: Facts, change: Change) => unknown>> = {
  new(spend, facts, change) {
    const state = requireMove(spend, "release")
    const after = { ...withoutDue(spend), state, endedAt: change.at, withdrawn: true as const }
    giveKeyBack(
      change.put(spend, after, "spend.released", { decision: spend.id, withdrawn: true }),
      facts,
      change,
    )
  },
  approved: giveBack,
  failed: (spend, _facts, change) =>
    change.put(spend, { ...withoutDue(spend), state: requireMove(spend, "fail") }, "spend.failed", {
      decision: spend.id,
    }),
  unknown: (spend, _facts, change) =>
    spend.state === "unknown" ? spend : loseSpend(spend, requireMove(spend, "lose"), change),
}

/** The key of a decision that is withdrawn stands for the one before it again. */
export function giveKeyBack(withdrawn: Spend, facts: Facts, change: Change): void {
  const { key, previous } = withdrawn
  const before = previous === undefined ? undefined : facts.spend(previous)
  if (before === undefined || key === undefined) return
  change.rewrite(withoutKey(withdrawn))
  change.rewrite({ ...before, key })
}

function giveBack({ claimBy, ...spend }: Spend, _facts: Facts, change: Change): void {
  const due = claimBy ?? change.at
  const after = { ...spend, state: requireMove(spend, "return"), due }
  change.put(spend, after, "spend.returned", { decision: spend.id, due: isoTime(due) })
}
