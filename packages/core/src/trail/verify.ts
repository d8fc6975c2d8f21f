import { NornrError } from "../error/nornr-error.ts"
import { canonicalJson } from "./canonical.ts"
import { sha256Anywhere } from "./digest.ts"
import { noHash, type TrailEvent } from "./event.ts"

/** What is wrong with a trail, and from which position on it cannot be trusted. */
export interface TrailFault {
  readonly ok: false
  readonly seq: number
  readonly kind:
    | "edited"
    | "broken_link"
    | "gap"
    | "wrong_wallet"
    | "time_reversed"
    | "malformed"
    | "receipt_mismatch"
  /** A sentence that says what it means. */
  readonly message: string
}

export type TrailReport =
  | {
      readonly ok: true
      readonly events: number
      readonly head: { readonly seq: number; readonly hash: string }
    }
  | TrailFault

export interface VerifyOptions {
  /** Receipts kept elsewhere, of this wallet: each must be in the trail. They find a rewrite and a cut tail. */
  readonly receipts?: Iterable<{ readonly wallet: string; readonly seq: number; readonly hash: string }>
}

/**
 * Checks the chain of a whole trail from position 1: hashes, links, positions, times, and the receipts given.
 * Needs no ledger. Without receipts, a cut tail and a rewrite of everything cannot be seen.
 */
export async function verifyTrail(
  events: Iterable<TrailEvent> | AsyncIterable<TrailEvent>,
  { receipts = [] }: VerifyOptions = {},
): Promise<TrailReport> {
  const expected = new Map([...receipts].map((receipt) => [receipt.seq, receipt]))
  let last: Pick<TrailEvent, "seq" | "hash" | "at"> & { readonly wallet?: string } = {
    seq: 0,
    hash: noHash,
    at: "",
  }
  for await (const event of events) {
    const found = await faultOf(event, last)
    if (found !== undefined) return found
    const receipt = expected.get(event.seq)
    if (receipt !== undefined && (receipt.hash !== event.hash || receipt.wallet !== event.wallet)) {
      return fault(
        event.seq,
        "receipt_mismatch",
        "is not the one a receipt was given for: the trail was rewritten.",
      )
    }
    expected.delete(event.seq)
    last = event
  }
  const [missing] = [...expected.keys()].sort((left, right) => left - right)
  if (missing === undefined) return { ok: true, events: last.seq, head: { seq: last.seq, hash: last.hash } }
  return fault(
    missing,
    "receipt_mismatch",
    `is missing, though a receipt was given for it: the trail was cut after ${last.seq}.`,
  )
}

type Last = Pick<TrailEvent, "seq" | "hash" | "at"> & { readonly wallet?: string }

async function faultOf(event: TrailEvent, last: Last): Promise<TrailFault | undefined> {
  const expected = last.seq + 1
  if (!isEvent(event)) return fault(expected, "malformed", "is not an event.")
  const { hash, ...sealed } = event
  if (event.seq !== expected) {
    return fault(
      expected,
      "gap",
      `is missing: position ${event.seq} follows ${last.seq}. Events were deleted or reordered.`,
    )
  }
  if ((await hashOf(sealed)) !== hash)
    return fault(expected, "edited", "does not have the hash of its content: it was edited.")
  if (event.prev !== last.hash)
    return fault(expected, "broken_link", "does not follow from the event before it.")
  if (last.wallet !== undefined && event.wallet !== last.wallet) {
    return fault(expected, "wrong_wallet", `is of wallet ${event.wallet}, not ${last.wallet}.`)
  }
  return event.at < last.at
    ? fault(expected, "time_reversed", "is older than the event before it.")
    : undefined
}

async function hashOf(sealed: object): Promise<string | undefined> {
  try {
    return await sha256Anywhere(canonicalJson(sealed, "event"))
  } catch (error) {
    if (NornrError.isInstance(error)) return undefined
    throw error
  }
}

function isEvent(value: unknown): value is TrailEvent {
  if (typeof value !== "object" || value === null) return false
  const { seq, hash, prev, at, wallet } = value as Partial<Record<string, unknown>>
  return typeof seq === "number" && [hash, prev, at, wallet].every((each) => typeof each === "string")
}

function fault(seq: number, kind: TrailFault["kind"], message: string): TrailFault {
  return { ok: false, seq, kind, message: `Event ${seq} ${message}` }
}
