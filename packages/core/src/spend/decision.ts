import { NornrError } from "../error/nornr-error.ts"
import { defined } from "../input/defined.ts"
import type { RunRef } from "../intent/intent.ts"
import { formatMicros } from "../money/money.ts"
import type { Status } from "../policy/decide.ts"
import type { Reason } from "../policy/reason.ts"
import { isoTime } from "../time/clock.ts"
import type { AttachedEvidence } from "./evidence.ts"
import type { SpendState } from "./machine.ts"
import type { ApprovalState, Spend } from "./spend.ts"

/** The committed, hashed record that a decision or its outcome exists: an event of the wallet's trail. */
export interface Receipt {
  readonly wallet: string
  /** Position of the event in the trail, from 1. */
  readonly seq: number
  /** SHA-256 of the event, hexadecimal. */
  readonly hash: string
}

/** The review of a queued decision. Times are ISO 8601 UTC. */
export interface Approval {
  readonly id: string
  readonly state: ApprovalState
  readonly by?: string
  readonly at?: string
  readonly comment?: string
  readonly expiresAt: string
}

/** What became of the tool that a decision is about. `idle`: it has not run, or not through this wallet. */
export interface Execution {
  readonly state: "idle" | "running" | "settled" | "failed" | "unknown" | "released"
  /** What it cost, where that is known. */
  readonly settled?: string
  /** ISO 8601 UTC. */
  readonly endedAt?: string
}

interface Asked {
  readonly amount: string
  readonly currency: string
  readonly to: string
  /** Empty where it was deleted. */
  readonly purpose: string
  readonly tags: Readonly<Record<string, string>>
  readonly run: RunRef
  /** Primary first; empty where nothing stood against it. */
  readonly reasons: readonly Reason[]
  /** The verdict and its reasons as text. */
  readonly message: string
}

interface Decided extends Asked {
  readonly id: string
  /** When it was asked, ISO 8601 UTC. */
  readonly at: string
  readonly idempotencyKey?: string
  /** The decision that this one was asked anew for, under the same key. */
  readonly previous?: string
  /** The versions and hashes of the mandates that made it. */
  readonly mandate: Spend["mandate"]
  readonly execution: Execution
  readonly receipt: Receipt
  /** What shows that it was what it was; left out where nothing was attached. */
  readonly evidence?: readonly AttachedEvidence[]
  /** True where an earlier decision or outcome answers a repeat. */
  readonly replayed?: true
}

/** The verdict on an intent, as plain JSON: amounts are decimal strings, times ISO 8601 UTC. */
export type Decision =
  | (Decided & {
      readonly status: "approved"
      readonly requiresApproval: false
      readonly approval?: Approval
    })
  | (Decided & { readonly status: "queued"; readonly requiresApproval: true; readonly approval: Approval })
  | (Decided & {
      readonly status: "rejected"
      readonly requiresApproval: false
      readonly approval?: Approval
    })

/** The verdict that an intent would get now: no id, no receipt, no approval, no trace. */
export interface Preview extends Asked {
  readonly status: Status
  readonly requiresApproval: boolean
}

/** @throws {NornrError} `ledger_corrupt` for a spend that the ledger never wrote so */
export function decisionOfSpend(spend: Spend, wallet: string, replayed = false): Decision {
  try {
    return made(spend, wallet, replayed)
  } catch (cause) {
    const remedy = "Keep the file as it is, run `nornr verify`, and restore a backup."
    throw new NornrError("ledger_corrupt", `The row of decision ${spend.id} is damaged.`, { remedy, cause })
  }
}

function made(spend: Spend, wallet: string, replayed: boolean): Decision {
  const status = statusOf(spend.state)
  const asked = {
    amount: formatMicros(spend.amount),
    currency: spend.currency,
    to: spend.to,
    purpose: spend.texts?.purpose?.value ?? "",
    tags: spend.tags,
    run: spend.run,
    reasons: spend.reasons,
  }
  const decision = {
    id: spend.id,
    status,
    requiresApproval: status === "queued",
    ...asked,
    message: messageOf(status, asked),
    at: isoTime(spend.askedAt),
    idempotencyKey: spend.key,
    previous: spend.previous,
    mandate: spend.mandate,
    approval: approvalOf(spend),
    execution: executionOf(spend),
    receipt: { wallet, ...spend.receipt },
    evidence: spend.evidence,
    replayed: replayed ? true : undefined,
  }
  return defined(decision) as Decision
}

export function messageOf(
  status: Status,
  asked: Pick<Asked, "amount" | "currency" | "to" | "reasons">,
): string {
  if (status === "approved") return `Approved: ${asked.amount} ${asked.currency} to ${asked.to}.`
  const told =
    status === "queued" ? asked.reasons : asked.reasons.filter(({ code }) => !asksForPerson.has(code))
  const why = told.map(({ message }) => message).join(" ")
  return status === "queued" ? `Waits for a reviewer. ${why}` : `Rejected. ${why}`
}

/** No person can help what is rejected: its text leaves these out. */
const asksForPerson: ReadonlySet<string> = new Set(["review_only", "above_approval_threshold"])

export function statusOf(state: SpendState): Status {
  return state === "queued" || state === "rejected" ? state : "approved"
}

function approvalOf({ approval, texts }: Spend): Approval | undefined {
  if (approval === undefined) return undefined
  const { id, state, by, at, expiresAt } = approval
  const comment = texts?.comment?.value
  return defined({
    id,
    state,
    by,
    at: at === undefined ? undefined : isoTime(at),
    comment,
    expiresAt: isoTime(expiresAt),
  })
}

function executionOf({ state, spent, endedAt }: Spend): Execution {
  const name = state === "queued" || state === "approved" || state === "rejected" ? "idle" : state
  const settled = state === "settled" || spent > 0n ? formatMicros(spent) : undefined
  return defined({
    state: name,
    settled,
    endedAt: endedAt === undefined ? undefined : isoTime(endedAt),
  } as const)
}
