import { NornrError } from "../error/nornr-error.ts"
import { defined } from "../input/defined.ts"
import type { Facts, Step, WalletRow, Writes } from "../ledger/ledger.ts"
import { reason, recheck } from "../policy/decide.ts"
import type { Reason } from "../policy/reason.ts"
import type { ApprovalState, Spend } from "../spend/spend.ts"
import { isoTime } from "../time/clock.ts"
import { type Disclosure, disclosureDigest } from "../trail/digest.ts"
import { type Change, changeOf } from "./change.ts"
import { requireMove, requireSpend } from "./lookup.ts"
import { standingOf } from "./standing.ts"

export interface Review {
  readonly id: string
  readonly verdict: "approve" | "reject"
  readonly reviewer: string
  readonly comment?: Disclosure
}

/** A reviewer decides a queued spend. Approving checks again what may have changed; a refusal leaves it pending. */
export function reviewStep(review: Review): Step<Spend> {
  return {
    reads: () => ({ ids: [review.id] }),
    work(facts) {
      const spend = requireSpend(facts, review.id)
      const state = requireMove(spend, review.verdict)
      if (state === "approved") refuseWhatChanged(spend, facts)
      const change = changeOf(facts, facts.head.wallet as WalletRow)
      const result =
        state === "approved" ? approve(spend, review, facts, change) : reject(spend, review, change)
      return { writes: change.writes(), result }
    },
  }
}

/**
 * Ends a decision that nobody will resume; only before it runs. One that is withdrawn, because its asker was
 * told that nothing happened, frees its key too; one that a repeat was given since is left alone.
 */
export function cancelStep(
  id: string,
  { withdraw = false }: { readonly withdraw?: boolean } = {},
): Step<Spend> {
  return {
    reads: () => ({ ids: [id] }),
    work(facts) {
      const spend = requireSpend(facts, id)
      if (spend.reasons[0]?.code === "canceled" || (withdraw && spend.shared === true))
        return { result: spend }
      requireMove(spend, "cancel")
      const change = changeOf(facts, facts.head.wallet as WalletRow)
      const why = reason("canceled", "It was canceled before it ran.")
      const canceled: Spend = withdraw ? { ...spend, withdrawn: true } : spend
      return { result: end(canceled, "canceled", why, change, { withdraw }), writes: change.writes() }
    },
  }
}

/** Applies every expiry and lapse that is due. It is the first step of each commit on a wallet. */
export function expireStep(): Step<number> {
  return {
    reads: (_head, at) => ({ dueBy: at }),
    work(facts) {
      if (facts.due.length === 0 || facts.head.wallet === undefined) return { result: 0 }
      return expireDue(facts, facts.head.wallet)
    },
  }
}

function expireDue(facts: Facts, wallet: WalletRow): { writes: Writes; result: number } {
  const change = changeOf(facts, wallet)
  for (const { id } of facts.due) {
    const spend = requireSpend(facts, id)
    if (spend.approval === undefined) lapse(spend, change)
    else end(spend, "expired", expiryReason(spend), change)
  }
  return { writes: change.writes(), result: facts.due.length }
}

function approve(spend: Spend, { reviewer, comment }: Review, facts: Facts, change: Change): Spend {
  const { mandates } = standingOf(facts.head, spend.run.agent)
  const due = spend.governed ? change.at + mandates.wallet.approvalTtl : undefined
  const { due: _expiry, ...rest } = spend
  const after = defined({
    ...resolved(rest as Spend, "approved", change.at, reviewer, comment),
    state: "approved" as const,
    due,
  })
  const data = defined({
    decision: spend.id,
    state: "approved" as const,
    by: reviewer,
    comment: comment && disclosureDigest("comment", comment),
    due: due === undefined ? undefined : isoTime(due),
  })
  return change.put(spend, after, "approval.resolved", data)
}

function reject(spend: Spend, { reviewer, comment }: Review, change: Change): Spend {
  const why = reason("review_rejected", `${reviewer} rejected it.`)
  return end(spend, "rejected", why, change, { reviewer, comment })
}

interface By {
  readonly reviewer?: string
  readonly comment?: Disclosure | undefined
  readonly withdraw?: boolean
}

/** The decision reads `rejected` from here on, with this reason first; its hold is freed. */
function end(spend: Spend, state: ApprovalState, why: Reason, change: Change, by: By = {}): Spend {
  const { reviewer, comment, withdraw } = by
  const { due: _due, ...rest } = resolved(spend, state, change.at, reviewer, comment)
  const after = { ...rest, state: "rejected" as const, endedAt: change.at, reasons: [why, ...spend.reasons] }
  const data = defined({
    decision: spend.id,
    state,
    by: reviewer,
    comment: comment && disclosureDigest("comment", comment),
    withdrawn: withdraw === true ? true : undefined,
  })
  return change.put(spend, after, "approval.resolved", data)
}

/** An automatic approval nobody claimed: the call may be asked anew. */
function lapse(spend: Spend, change: Change): void {
  const { due: _due, ...rest } = spend
  const after = { ...rest, state: "released" as const, endedAt: change.at }
  change.put(spend, after, "spend.released", { decision: spend.id, lapsed: true })
}

function resolved(spend: Spend, state: ApprovalState, at: number, by?: string, comment?: Disclosure): Spend {
  const approval = spend.approval && defined({ ...spend.approval, state, at, by })
  const texts = comment === undefined ? spend.texts : { ...spend.texts, comment }
  return defined({ ...spend, approval, texts }) as Spend
}

function expiryReason({ state, approval }: Spend): Reason {
  const until = approval === undefined ? "" : ` by ${isoTime(approval.expiresAt)}`
  const message =
    state === "queued" ? `Nobody reviewed it${until}.` : "It was approved, but nobody ran it in time."
  return reason("approval_expired", message)
}

function refuseWhatChanged(spend: Spend, { head, at }: Facts): void {
  const { mandates, control, agentControl } = standingOf(head, spend.run.agent)
  const [first] = recheck(mandates, { at, control, agentControl }, spend)
  if (first === undefined) return
  const problem = `Decision ${spend.id} cannot be approved now: ${first.message}`
  throw new NornrError("state_conflict", problem, {
    remedy: "Mend that first, or reject it; it stays pending.",
  })
}
