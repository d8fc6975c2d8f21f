import { NornrError } from "../error/nornr-error.ts"
import { defined } from "../input/defined.ts"
import { show } from "../input/show.ts"
import type { Head } from "../ledger/ledger.ts"
import { formatMicros } from "../money/money.ts"
import type { Spend } from "../spend/spend.ts"
import { canonicalJson } from "../trail/canonical.ts"
import { disclosureDigest } from "../trail/digest.ts"
import { isSignedBy, type Signer } from "../trail/signature.ts"
import { standingOf } from "./standing.ts"

/** Who acts at the desk. */
export interface Actor {
  readonly name: string
  /** Signs with the reviewer's own key, where there is one. */
  readonly sign?: Signer | undefined
  readonly allowSelfApproval?: boolean | undefined
}

/**
 * Refuses a reviewer who is named as the owner, as the agent that it is about or as an agent with terms of its
 * own; names alone prove nothing, but an honest mistake is found.
 * @returns true where that was allowed, for the record
 * @throws {NornrError} `reviewer_refused`
 */
export function requireOther(actor: Actor, head: Head, agent: string | undefined): true | undefined {
  const isOwner = actor.name === head.id
  if (!isOwner && actor.name !== agent && !head.mandates.has(actor.name)) return undefined
  if (actor.allowSelfApproval === true) return true
  const whose = isOwner ? "the owner" : "an agent"
  const problem = `${show(actor.name)} is ${whose} of the wallet and cannot review what it spends itself.`
  const remedy = "Let another reviewer do it, or open the desk with allowSelfApproval: true."
  throw new NornrError("reviewer_refused", problem, { remedy })
}

/**
 * The signature of an act, where the mandate names reviewers with keys.
 * @throws {NornrError} `reviewer_refused`
 */
export function signatureOf(actor: Actor, head: Head, text: string): string | undefined {
  const { reviewers } = standingOf(head, undefined).mandates.wallet
  if (reviewers.size === 0) return undefined
  const publicKey = reviewers.get(actor.name)
  const signature = actor.sign?.(text)
  if (publicKey !== undefined && signature !== undefined && isSignedBy(publicKey, text, signature)) {
    return signature
  }
  const unsigned = signature === undefined ? "did not sign" : "signed with another key than the mandate's"
  const why = publicKey === undefined ? "is none of the mandate's reviewers" : unsigned
  const remedy =
    "Open the desk as one of its reviewers, with the privateKey that belongs to the mandate's key."
  throw new NornrError("reviewer_refused", `${show(actor.name)} ${why}.`, { remedy })
}

/** Whether an approved spend may run: where the mandate names reviewers, one of them has signed exactly it. */
export function isApprovalSigned(spend: Spend, head: Head): boolean {
  const { reviewers } = standingOf(head, undefined).mandates.wallet
  if (reviewers.size === 0) return true
  if (spend.approval === undefined) return spend.reasons.length === 0 // nothing stood against it: no review
  const { by = "", signature = "" } = spend.approval
  const publicKey = reviewers.get(by)
  return (
    publicKey !== undefined && isSignedBy(publicKey, reviewText(spend, head.id, "approve", by), signature)
  )
}

/** What a reviewer signs: the verdict and all that was decided on, texts by their digests. RFC 8785. */
export function reviewText(
  spend: Spend,
  wallet: string,
  verdict: "approve" | "reject",
  reviewer: string,
): string {
  const { id, amount, currency, to, tags, run, key, binding, mandate, askedAt, texts } = spend
  const decision = defined({
    ...{ id, amount: formatMicros(amount), currency, to, tags, run, key, binding },
    mandate: mandate.hash,
    askedAt: String(askedAt),
    purpose: texts?.purpose && disclosureDigest("purpose", texts.purpose),
    args: texts?.args && disclosureDigest("args", texts.args),
  })
  return canonicalJson({ v: 1, wallet, verdict, reviewer, decision }, "review")
}
