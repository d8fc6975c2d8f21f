import { NornrError } from "../error/nornr-error.ts"
import { atEdge } from "../input/at-edge.ts"
import { fieldsOf } from "../input/fields.ts"
import { show } from "../input/show.ts"
import type { Receipt } from "../spend/decision.ts"
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
  readonly receipts?: Iterable<Receipt> | undefined
}

/**
 * Checks the chain of a whole trail from position 1: hashes, links, positions, times, and the receipts given.
 * Needs no ledger. Without receipts, a cut tail and a rewrite of everything cannot be seen.
 * @throws {NornrError} `invalid_option` for what is no list of events or of receipts
 */
export async function verifyTrail(
  events: Iterable<TrailEvent> | AsyncIterable<TrailEvent>,
  options: VerifyOptions = {},
): Promise<TrailReport> {
  const expected = atEdge("The receipts", "invalid_option", () => parseReceipts(options))
  requireIterable(events, "events")
  let last: Last = { seq: 0, hash: noHash, at: "" }
  for await (const event of events) {
    const found = (await faultOf(event, last)) ?? receiptFault(event, expected.get(event.seq) ?? [])
    if (found !== undefined) return found
    expected.delete(event.seq)
    last = event
  }
  const [missing] = [...expected.keys()].sort((left, right) => left - right)
  if (missing === undefined) return { ok: true, events: last.seq, head: { seq: last.seq, hash: last.hash } }
  const message = `is missing, though a receipt was given for it: the trail was cut after ${last.seq}.`
  return fault(missing, "receipt_mismatch", message)
}

/** All receipts of each position: two that differ prove a rewrite, whichever of them fits. */
function parseReceipts(options: unknown): Map<number, Receipt[]> {
  const given = fieldsOf(options, { path: "", code: "invalid_option", allowed: ["receipts"] }).get("receipts")
  const parsed = new Map<number, Receipt[]>()
  if (given === undefined) return parsed
  for (const [index, each] of [...requireIterable(given, "receipts")].entries()) {
    const path = `receipts[${index}]`
    const fields = fieldsOf(each, { path, code: "invalid_option", allowed: ["wallet", "seq", "hash"] })
    const whole = (name: string) =>
      fields.refuse(name, undefined, "Pass the receipts of decisions as they were given.")
    const wallet = fields.text("wallet", 128) ?? whole("wallet")
    const seq = fields.integer("seq", 1, Number.MAX_SAFE_INTEGER) ?? whole("seq")
    const hash = fields.text("hash", 64) ?? whole("hash")
    parsed.set(seq, [...(parsed.get(seq) ?? []), { wallet, seq, hash }])
  }
  return parsed
}

function requireIterable(value: unknown, field: string): Iterable<unknown> {
  const isList = typeof value === "object" && value !== null
  if (isList && (Symbol.iterator in value || Symbol.asyncIterator in value)) return value as Iterable<unknown>
  throw new NornrError("invalid_option", `${field} is ${show(value)}.`, { remedy: "Pass a list." })
}

function receiptFault(event: TrailEvent, receipts: readonly Receipt[]): TrailFault | undefined {
  const foreign = receipts.find(({ wallet }) => wallet !== event.wallet)
  if (foreign !== undefined) {
    const message = `is of wallet ${event.wallet}; a receipt was given of wallet ${foreign.wallet}.`
    return fault(event.seq, "wrong_wallet", message)
  }
  if (receipts.every(({ hash }) => hash === event.hash)) return undefined
  return fault(
    event.seq,
    "receipt_mismatch",
    "is not the one a receipt was given for: the trail was rewritten.",
  )
}

type Last = Pick<TrailEvent, "seq" | "hash" | "at"> & { readonly wallet?: string }

async function faultOf(event: TrailEvent, last: Last): Promise<TrailFault | undefined> {
  const expected = last.seq + 1
  if (!isEvent(event)) return fault(expected, "malformed", "is not an event.")
  const { hash, remark: _apart, ...sealed } = event
  if (last.seq === 0 && event.seq > 1) {
    return fault(1, "gap", `is missing: this begins at ${event.seq}. Pass the whole trail, from position 1.`)
  }
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
  return event.at < last.at && event.type !== "clock.reset"
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
  const { seq, hash, prev, at, wallet, type, data } = value as Partial<Record<string, unknown>>
  const isData = typeof data === "object" && data !== null
  return (
    isData &&
    typeof seq === "number" &&
    [hash, prev, at, wallet, type].every((each) => typeof each === "string")
  )
}

function fault(seq: number, kind: TrailFault["kind"], message: string): TrailFault {
  return { ok: false, seq, kind, message: `Event ${seq} ${message}` }
}
