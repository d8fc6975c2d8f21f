import type { RunRef } from "../intent/intent.ts"
import type { Reason } from "../policy/reason.ts"
import type { Disclosure, Sealed } from "../trail/digest.ts"
import type { AttachedEvidence } from "./evidence.ts"
import { holds, type SpendState } from "./machine.ts"

export type ApprovalState = "pending" | "approved" | "rejected" | "expired" | "canceled"

/** The review of a queued decision. Times are milliseconds UTC. */
interface SpendApproval {
  readonly id: string
  readonly state: ApprovalState
  readonly by?: string
  readonly at?: number
  readonly expiresAt: number
  /** What a reviewer with a key has signed, and the signature; verified again at the claim. */
  readonly signature?: string
}

/** The news of a review for whoever resumes the thread: waiting, or leased to one watcher until an instant. */
interface Pickup {
  readonly holder?: string
  readonly until?: number
}

/** Texts that are never in the trail and can be deleted; the trail holds their digests. */
export interface SpendTexts {
  readonly purpose?: Disclosure
  readonly args?: Disclosure
  readonly comment?: Disclosure
  /** What the tool gave and what it threw, as JSON text, for replays; without a value where it is not kept. */
  readonly result?: Sealed
  readonly error?: Sealed
}

/** A decision with its execution, as the ledger keeps it. Times are milliseconds UTC, amounts millionths. */
export interface Spend {
  readonly id: string
  readonly state: SpendState
  /** What the intent asked for, and what it holds while it holds. */
  readonly amount: bigint
  /** What it cost so far; counts beside the hold. */
  readonly spent: bigint
  readonly currency: string
  readonly to: string
  readonly tags: Readonly<Record<string, string>>
  readonly run: RunRef
  /** When it was asked: its windows are those of this instant, for good. */
  readonly askedAt: number
  readonly mandate: MandateRef
  readonly reasons: readonly Reason[]
  readonly receipt: { readonly seq: number; readonly hash: string }
  /** Only its claim or the desk may end it; a spend of `pay` is ended by its caller. */
  readonly governed: boolean
  readonly key?: string
  /** Keyed digest of what the key is bound to. */
  readonly binding?: string
  /** When it expires or lapses by itself; while it runs, when its lease ends. */
  readonly due?: number
  readonly approval?: SpendApproval
  /** How many askers were given it while it was unspent; left out: one. */
  readonly askers?: number
  /** The asker was told that nothing happened: its key may be asked anew. */
  readonly withdrawn?: true
  /** How often it was claimed. */
  readonly fence?: number
  readonly endedAt?: number
  /** The claim whose outcome was recorded last: a repeat of it changes nothing. */
  readonly endedFence?: number
  /** A reviewer has said what it cost in all: no late outcome adds to that. */
  readonly adjusted?: true
  /** While it is claimed: when the approval would have expired. */
  readonly claimBy?: number
  /** The reviewer who ended it; left out where its claim or its caller did. */
  readonly endedBy?: string
  /** The decision that this one was asked anew for, under the same key. */
  readonly previous?: string
  /** Reviewed, and nobody has taken it up yet. */
  readonly pickup?: Pickup
  readonly evidence?: readonly AttachedEvidence[]
  /** When its texts are deleted. */
  readonly forgetAt?: number
  readonly texts?: SpendTexts
}

/** Lists that people and watchers work off; a spend is on one at most. */
export type SpendList = "queued" | "failed" | "unknown" | "reviewed"

export function listOf({ state, pickup }: Pick<Spend, "state" | "pickup">): SpendList | undefined {
  if (state === "queued" || state === "failed" || state === "unknown") return state
  return pickup === undefined ? undefined : "reviewed"
}

export interface MandateRef {
  readonly version: number
  readonly hash: string
  readonly agentVersion?: number
  readonly agentHash?: string
}

/** What a spend counts as: its amounts in money limits, itself in count limits. */
export interface Usage {
  readonly amount: { readonly held: bigint; readonly settled: bigint }
  readonly count: { readonly held: bigint; readonly settled: bigint }
}

const nothing: Usage = { amount: { held: 0n, settled: 0n }, count: { held: 0n, settled: 0n } }

export function usageOf(spend: Pick<Spend, "state" | "amount" | "spent"> | undefined): Usage {
  if (spend === undefined) return nothing
  const { state, amount, spent } = spend
  if (holds(state)) return { amount: { held: amount, settled: spent }, count: { held: 1n, settled: 0n } }
  const counts = state === "settled" || spent > 0n
  return { amount: { held: 0n, settled: spent }, count: { held: 0n, settled: counts ? 1n : 0n } }
}

/** What ending a spend came to. */
export interface Ended {
  readonly spend: Spend
  /** It had ended exactly so before. */
  readonly replayed: boolean
}

/** The spend as one that no longer ends by itself and that nobody needs to take up. */
export function withoutDue({ due: _due, pickup: _pickup, ...spend }: Spend): Spend {
  return spend
}

/** The spend as one that its key does not stand for any more. */
export function withoutKey({ key: _key, ...spend }: Spend): Spend {
  return spend
}
