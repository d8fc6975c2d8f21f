import type { Redactable } from "../engine/redact.ts"
import { atEdge } from "../input/at-edge.ts"
import { openLedger, type Place } from "../ledger/open-ledger.ts"
import type { MandateTerms } from "../mandate/terms.ts"
import type { Amount } from "../money/money.ts"
import type { Decision } from "../spend/decision.ts"
import type { Evidence } from "../spend/evidence.ts"
import type { Clock } from "../time/clock.ts"
import type { Json } from "../trail/canonical.ts"
import type { DecisionRef } from "../wallet/decision-ref.ts"
import { connectionOf } from "../wallet/session.ts"
import { EmbeddedDesk } from "./embedded-desk.ts"
import { parseDesk } from "./options.ts"

/** Where the ledger is and who reviews. */
export type DeskOptions = Place & {
  /** Who acts, on record with each act: 1 to 128 characters. A name alone proves nothing; a key does. */
  readonly reviewer: string
  /** Whose wallet; left out, every wallet of the ledger. */
  readonly owner?: string | undefined
  /** Ed25519 in PEM: signs each act, where the mandate names reviewers with keys. */
  readonly privateKey?: string | undefined
  /** Lets the owner, or the agent, review what it spends itself; marked in the trail. */
  readonly allowSelfApproval?: boolean | undefined
  readonly clock?: Clock | undefined
}

/** A decision as a reviewer sees it. */
export type ReviewDecision = Decision & {
  /** What the tool was called with; left out where it was deleted or there is none. */
  readonly args?: Json
  /** What the tool threw; left out where it was not kept. */
  readonly error?: string
}

/** What a reviewer says about an act: kept beside the trail, with a digest in it. Up to 1000 characters. */
export interface Said {
  readonly comment?: string | undefined
}

/** Which wallet, where the desk is open for several, and which agent of it. */
export interface Subject {
  readonly owner?: string | undefined
  readonly agent?: string | undefined
}

/**
 * The reviewer's side: what waits for a person, and what a person may do about it. An agent's wallet has none of
 * it. Every method throws only `NornrError`; all throw `reviewer_refused` for self-review and missing keys.
 */
export interface ReviewDesk {
  readonly reviewer: string
  /** Decisions that wait for a review, oldest first. */
  pending(): Promise<readonly ReviewDecision[]>
  /** Runs that nobody knows the outcome of: their amounts are held until `settle` or `release`. */
  unknown(): Promise<readonly ReviewDecision[]>
  /** Runs that failed: their amounts are held, since money may be gone, until `settle` or `release`. */
  failed(): Promise<readonly ReviewDecision[]>
  /** The decision of an id, as it is now. */
  decision(id: string): Promise<ReviewDecision | undefined>
  /**
   * Lets exactly this call run, once, until the approval expires. What may have changed is checked again; where it
   * forbids the call, the decision stays pending. A second approval gives the first one's answer.
   * @throws {NornrError} `decision_not_found`, `state_conflict`
   */
  approve(decision: DecisionRef, said?: Said): Promise<ReviewDecision>
  /** It never runs. Throws as `approve`. */
  reject(decision: DecisionRef, said?: Said): Promise<ReviewDecision>
  /** Ends a held outcome: it cost this much; by default, what is held. Throws as `approve`. */
  settle(decision: DecisionRef, amount?: Amount, said?: Said): Promise<ReviewDecision>
  /** Ends a held outcome: it cost nothing. Its key asks anew. Throws as `approve`. */
  release(decision: DecisionRef, said?: Said): Promise<ReviewDecision>
  /** Corrects what an ended spend has cost in all: a refund, or a bill that came later. Throws as `approve`. */
  adjust(decision: DecisionRef, total: Amount, why: { readonly reason: string }): Promise<ReviewDecision>
  /** Stops asks and claims (`freeze`, the default) or sends every ask to a reviewer; what runs may finish. */
  freeze(what?: Subject & { readonly mode?: "freeze" | "review_only" | undefined }): Promise<void>
  /** Lifts what `freeze` set. @throws {NornrError} `state_conflict` for an agent that was revoked */
  unfreeze(what?: Subject): Promise<void>
  /** The agent may not spend any more, until `reinstate`. */
  revoke(agent: string, what?: Pick<Subject, "owner">): Promise<void>
  /** The agent may spend again. */
  reinstate(agent: string, what?: Pick<Subject, "owner">): Promise<void>
  /**
   * Sets terms of the wallet, or of an agent; terms that are left out stay, null removes one. From then on the
   * terms in code are ignored. Throws as parsing terms does.
   */
  amend(terms: MandateTerms, what?: Subject): Promise<void>
  /**
   * Sets the time of a wallet back to the clock, after a machine with a wrong one wrote to it.
   * @throws {NornrError} `state_conflict` where it is not ahead
   */
  resetClock(reason: string, what?: Pick<Subject, "owner">): Promise<void>
  /** Puts on record what shows that a paid step was what it was. Throws as `wallet.attach`. */
  attach(decision: DecisionRef, evidence: Evidence): Promise<ReviewDecision>
  /**
   * Deletes texts of a decision that has ended, for good and at once: all of them, or those that are named (`remarks`
   * are what reviewers said about their acts). The trail keeps their digests and verifies as before.
   * @throws {NornrError} `invalid_option`, `decision_not_found`, `state_conflict` while it has not ended
   */
  redact(
    decision: DecisionRef,
    why: { readonly reason: string; readonly texts?: readonly Redactable[] | undefined },
  ): Promise<ReviewDecision>
  /**
   * Puts the key that signs checkpoints on record, in every wallet of this desk. Where it replaces another, pass that
   * one's private key (its file, or its text): the change is signed with it.
   * @throws {NornrError} `invalid_option`, `wallet_not_found`, `reviewer_refused`
   */
  recordCheckpointKey(publicKey: string, what?: { readonly previous?: string | undefined }): Promise<void>
  /** The owners of the wallets that this desk is for, sorted. */
  owners(): Promise<readonly string[]>
  /** Lets go of the ledger. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export const ReviewDesk: {
  /** @throws {NornrError} `invalid_option`, `wallet_not_found`, `reviewer_refused`, `ledger_*`, `unsupported` */
  open(options: DeskOptions): Promise<ReviewDesk>
} = {
  async open(options) {
    const { place, clock, actor, owner } = atEdge("The options", "invalid_option", () => parseDesk(options))
    const opened = await openLedger(place, { mayCreate: false })
    const desk = new EmbeddedDesk(connectionOf(opened, clock), actor, owner)
    try {
      await desk.requireOwner()
      return desk
    } catch (error) {
      await desk.close()
      throw error
    }
  },
}
