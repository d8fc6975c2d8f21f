import type { Facts, Step, Writes } from "../ledger/ledger.ts"
import { reason, recheck } from "../policy/decide.ts"
import type { Reason } from "../policy/reason.ts"
import { nextState } from "../spend/machine.ts"
import { type Spend, withoutDue } from "../spend/spend.ts"
import { isoTime } from "../time/clock.ts"
import { type Change, changeOf } from "./change.ts"
import { requireMove, requireSpend } from "./lookup.ts"
import { loseSpend } from "./outcome.ts"
import { isApprovalSigned } from "./reviewer.ts"
import { standingOf } from "./standing.ts"

/** How long a claim is good without renewal, milliseconds. */
export const leaseTime = 60_000

/** An automatic approval that nobody claims lapses after this, milliseconds. */
export const claimWithin = 15 * 60_000

/**
 * The tool is about to run. Checks again what may have changed: a refused claim of an approval ends the spend;
 * one of a held outcome (a tool that may run again) leaves it held.
 */
export function claim(spend: Spend, facts: Facts, change: Change): Spend {
  const state = requireMove(spend, "claim")
  const reasons = objections(spend, facts)
  if (reasons.length > 0) return refuse(spend, reasons, change)
  const fence = (spend.fence ?? 0) + 1
  const after = { ...withoutDue(spend), state, fence, due: change.at + leaseTime }
  return change.put(spend, after, "spend.claimed", { decision: spend.id, fence })
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

/** Takes back a claim of which its caller was told that nothing happened: nothing has run under it. */
export function unclaimStep(
  id: string,
  { fence, from }: { readonly fence: number; readonly from: ClaimedFrom },
): Step<unknown> {
  return {
    reads: () => ({ ids: [id] }),
    work(facts): { readonly writes?: Writes; readonly result: unknown } {
      const spend = requireSpend(facts, id)
      if (spend.state !== "running" || spend.fence !== fence) return { result: undefined }
      const change = changeOf(facts)
      takeBack[from](spend, facts, change)
      return { writes: change.writes(), result: undefined }
    },
  }
}

/** What was claimed: a decision made in the same commit, one that was approved before, one that had run before. */
export type ClaimedFrom = "new" | "approved" | "held"

const takeBack: Readonly<Record<ClaimedFrom, (spend: Spend, facts: Facts, change: Change) => unknown>> = {
  new(spend, _facts, change) {
    const after = { ...withoutDue(spend), state: requireMove(spend, "release"), endedAt: change.at }
    return change.put(spend, after, "spend.released", { decision: spend.id })
  },
  approved: giveBack,
  held: (spend, _facts, change) => loseSpend(spend, requireMove(spend, "lose"), change),
}

function giveBack(spend: Spend, facts: Facts, change: Change): void {
  const { approvalTtl } = standingOf(facts.head, spend.run.agent).mandates.wallet
  const from = spend.approval?.at
  const due = from === undefined ? change.at + claimWithin : from + approvalTtl
  const after = { ...spend, state: requireMove(spend, "return"), due }
  change.put(spend, after, "spend.returned", { decision: spend.id, due: isoTime(due) })
}
