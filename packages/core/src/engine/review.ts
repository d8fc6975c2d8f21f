import { NornrError } from "../error/nornr-error.ts"
import { defined } from "../input/defined.ts"
import type { Facts, Step, Writes } from "../ledger/ledger.ts"
import { reason, recheck } from "../policy/decide.ts"
import type { Reason } from "../policy/reason.ts"
import type { SpendAction, SpendState } from "../spend/machine.ts"
import { type ApprovalState, type Ended, type Spend, withoutDue } from "../spend/spend.ts"
import { isoTime } from "../time/clock.ts"
import { type Disclosure, disclosureDigest } from "../trail/digest.ts"
import { type Change, changeOf, type Unsealed } from "./change.ts"
import { giveKeyBack } from "./claim.ts"
import { requireMove, requireSpend } from "./lookup.ts"
import { loseSpend } from "./outcome.ts"
import { type Actor, requireOther, reviewText, signatureOf } from "./reviewer.ts"
import { standingOf } from "./standing.ts"

export interface Review {
  readonly id: string
  readonly verdict: "approve" | "reject"
  readonly actor: Actor
  readonly comment?: Disclosure | undefined
}

/**
 * A reviewer decides a queued spend. Approving checks again what may have changed; a refusal leaves it pending.
 * A second reviewer of the same mind gets the answer of the first.
 */
export function reviewStep(review: Review): Step<Ended> {
  return {
    reads: () => ({ ids: [review.id] }),
    work(facts) {
      const spend = requireSpend(facts, review.id)
      if (spend.approval?.state === verdicts[review.verdict]) return { result: { spend, replayed: true } }
      const state = requireReview(spend, review.verdict)
      const verdict = signedVerdict(spend, review, facts)
      if (state === "approved") refuseWhatChanged(spend, facts)
      const change = changeOf(facts)
      const decide = state === "approved" ? approve : reject
      const result = { spend: decide(spend, verdict, facts, change), replayed: false }
      return { writes: change.writes(), result }
    },
  }
}

const verdicts = { approve: "approved", reject: "rejected" } as const

/** A review with what goes on record of it. */
interface SignedReview extends Review {
  readonly selfApproved: true | undefined
  readonly signature: string | undefined
}

function signedVerdict(spend: Spend, review: Review, { head }: Facts): SignedReview {
  const { actor, verdict } = review
  return {
    ...review,
    selfApproved: requireOther(actor, head, spend.run.agent),
    signature: signatureOf(actor, head, reviewText(spend, head.id, verdict, actor.name)),
  }
}

/** As `requireMove`, and says who was first. */
function requireReview(spend: Spend, verdict: Review["verdict"]): SpendState {
  const { state, by, at } = spend.approval ?? {}
  if (state === undefined || state === "pending" || at === undefined) return requireMove(spend, verdict)
  const problem =
    by === undefined
      ? `Decision ${spend.id} ${state === "expired" ? "expired" : "was canceled"} at ${isoTime(at)}.`
      : `${by} ${state} decision ${spend.id} at ${isoTime(at)}.`
  const remedy =
    by === undefined
      ? "It can be asked anew: with reask: true, under a new key."
      : "One answer stands; freeze the wallet to stop what is approved and not run yet."
  throw new NornrError("state_conflict", problem, { remedy })
}

/** Ends a decision that nobody will resume; only before it runs. An agent ends its own. */
export function cancelStep(id: string, agent?: string): Step<Ended> {
  return {
    reads: () => ({ ids: [id] }),
    work(facts) {
      const spend = requireSpend(facts, id, agent)
      if (spend.reasons[0]?.code === "canceled") return { result: { spend, replayed: true } }
      requireMove(spend, "cancel")
      const change = changeOf(facts)
      const result = {
        spend: end(spend, "cancel", { state: "canceled", why: canceled }, change),
        replayed: false,
      }
      return { result, writes: change.writes() }
    },
  }
}

/**
 * Takes a decision back from an asker who was told that nothing happened. The last one ends it, if it is
 * unspent, and frees its key.
 */
export function withdrawStep(id: string, previous?: string): Step<Spend> {
  return {
    reads: () => ({ ids: previous === undefined ? [id] : [id, previous] }),
    work(facts) {
      const spend = requireSpend(facts, id)
      if (spend.state !== "queued" && spend.state !== "approved") return { result: spend }
      const change = changeOf(facts)
      const askers = (spend.askers ?? 1) - 1
      if (askers > 0) {
        change.rewrite({ ...spend, askers })
        return { result: spend, writes: change.writes() }
      }
      const how = { state: "canceled", why: canceled, withdrawn: true } as const
      const result = end(spend, "cancel", how, change)
      giveKeyBack(result, facts, change)
      return { result, writes: change.writes() }
    },
  }
}

/** Applies every expiry and lapse that is due. It is the first step of each commit on a wallet. */
export function expireStep(): Step<number> {
  return {
    reads: (_head, at) => ({ dueBy: at }),
    work(facts) {
      // Another step of the batch may have asked for what is due later, too.
      const due = facts.due.filter((spend) => (spend.due ?? 0) <= facts.at)
      return due.length === 0 ? { result: 0 } : expireDue(due, facts)
    },
  }
}

function expireDue(
  due: readonly Spend[],
  facts: Facts,
): { readonly writes: Writes; readonly result: number } {
  const change = changeOf(facts)
  for (const { id } of due) {
    const spend = requireSpend(facts, id)
    if (spend.state === "running") loseSpend(spend, requireMove(spend, "lose"), change)
    else if (spend.approval === undefined) lapse(spend, change)
    else end(spend, "expire", { state: "expired", why: expiryReason(spend) }, change)
  }
  return { writes: change.writes(), result: due.length }
}

function approve(spend: Spend, review: SignedReview, facts: Facts, change: Change): Spend {
  const { actor, comment, selfApproved, signature } = review
  const { mandates } = standingOf(facts.head, spend.run.agent)
  const due = spend.governed ? change.at + mandates.wallet.approvalTtl : undefined
  const resolved = resolve(spend, { state: "approved", by: actor.name, comment, signature }, change.at)
  const after = defined({ ...resolved, state: requireMove(spend, "approve"), due })
  const data = defined({
    decision: spend.id,
    state: "approved" as const,
    by: actor.name,
    comment: comment && disclosureDigest("comment", comment),
    selfApproved,
    signature,
    due: due === undefined ? undefined : isoTime(due),
  })
  return change.put(spend, after, "approval.resolved", data)
}

function reject(spend: Spend, review: SignedReview, _facts: Facts, change: Change): Spend {
  const { actor, comment, signature } = review
  const why = reason("review_rejected", `${actor.name} rejected it.`)
  return end(spend, "reject", { state: "rejected", why, by: actor.name, comment, signature }, change)
}

interface Resolution {
  readonly state: ApprovalState
  readonly by?: string
  readonly comment?: Disclosure | undefined
  readonly signature?: string | undefined
}

interface End extends Resolution {
  readonly why: Reason
  readonly withdrawn?: true
}

/** The decision reads `rejected` from here on, with this reason first; its hold is freed. */
function end(spend: Spend, action: SpendAction, how: End, change: Change): Spend {
  const { state, why, by, comment, signature, withdrawn } = how
  const after = defined({
    ...resolve(spend, how, change.at),
    state: requireMove(spend, action),
    endedAt: change.at,
    reasons: [why, ...spend.reasons],
    withdrawn,
  })
  const digest = comment && disclosureDigest("comment", comment)
  const data = defined({ decision: spend.id, state, by, comment: digest, signature, withdrawn })
  return change.put(spend, after, "approval.resolved", data)
}

/** An automatic approval nobody claimed: the call may be asked anew. */
function lapse(spend: Spend, change: Change): void {
  const after = { ...withoutDue(spend), state: requireMove(spend, "lapse"), endedAt: change.at }
  change.put(spend, after, "spend.released", { decision: spend.id, lapsed: true })
}

function resolve(spend: Spend, { state, by, comment, signature }: Resolution, at: number): Unsealed {
  const approval = spend.approval && defined({ ...spend.approval, state, at, by, signature })
  const texts = comment === undefined ? spend.texts : { ...spend.texts, comment }
  const pickup = approval === undefined || state === "canceled" ? undefined : {}
  return defined({ ...withoutDue(spend), approval, texts, pickup }) as Unsealed
}

const canceled: Reason = reason("canceled", "It was canceled before it ran.")

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
