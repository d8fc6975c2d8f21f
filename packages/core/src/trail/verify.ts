import { NornrError } from "../error/nornr-error.ts"
import { atEdge } from "../input/at-edge.ts"
import { type Fields, fieldsOf } from "../input/fields.ts"
import { show } from "../input/show.ts"
import type { Receipt } from "../spend/decision.ts"
import { Chain, Receipts } from "./chain.ts"
import type { TrailEvent } from "./event.ts"
import { Faults, type Unsound } from "./fault.ts"
import { foundOpened, isHash } from "./sealed.ts"

/** What verifying one wallet's trail found. */
export type TrailReport =
  | {
      readonly ok: true
      readonly events: number
      readonly head: { readonly seq: number; readonly hash: string }
    }
  | Unsound

/** What a trail is compared with. */
export interface VerifyOptions {
  /** Receipts kept elsewhere: each must be in the trail. They find a rewrite and a cut tail. */
  readonly receipts?: Iterable<Receipt> | undefined
}

/**
 * Checks the chain of one wallet's trail from position 1: hashes, links, positions, times, and the receipts given.
 * Needs no ledger and no Node. Without receipts, a cut tail and a rewrite of everything cannot be seen.
 * @throws {NornrError} `invalid_option` for what is no list of events or of receipts
 */
export async function verifyTrail(
  events: Iterable<TrailEvent> | AsyncIterable<TrailEvent>,
  options: VerifyOptions = {},
): Promise<TrailReport> {
  const given = atEdge("The receipts", "invalid_option", () => {
    return parseReceipts(fieldsOf(options, { path: "", code: "invalid_option", allowed: ["receipts"] }))
  })
  requireIterable(events, "events")
  const receipts = new Receipts(given)
  const chain = new Chain()
  const faults = new Faults()
  let wallet: string | undefined
  let count = 0
  for await (const event of events) {
    const found = foundOpened(event)
    const place = { seq: chain.last.seq + 1, ...(wallet === undefined ? {} : { wallet }) }
    count++
    if (found === undefined) {
      faults.add({ kind: "malformed", ...place, message: `Event ${place.seq} is not an event.` })
      continue
    }
    wallet ??= found.event.wallet
    if (found.seal === "whole" && found.event.wallet !== wallet) {
      const message = `Event ${place.seq} is of wallet ${found.event.wallet}, not ${wallet}.`
      faults.add({ kind: "wrong_wallet", ...place, message })
      continue
    }
    faults.addAll([...chain.next(found), ...receipts.met(found.event)])
  }
  for (const fault of receipts.missing(() => chain.last.seq)) {
    const message = `Event ${fault.seq} is of wallet ${wallet}; a receipt was given of wallet ${fault.wallet}.`
    faults.add(
      wallet === undefined || fault.wallet === wallet ? fault : { ...fault, kind: "wrong_wallet", message },
    )
  }
  const { seq, hash } = chain.last
  return faults.unsound() ?? { ok: true, events: count, head: { seq, hash } }
}

/**
 * The receipts among options.
 * @throws {NornrError} `invalid_option`
 */
export function parseReceipts(options: Fields): readonly Receipt[] {
  const given = options.get("receipts")
  if (given === undefined) return []
  return [...requireIterable(given, "receipts")].map((each, index) =>
    parseReceipt(each, `receipts[${index}]`),
  )
}

/** @throws {NornrError} `invalid_option` */
export function parseReceipt(value: unknown, path: string): Receipt {
  const fields = fieldsOf(value, { path, code: "invalid_option", allowed: ["wallet", "seq", "hash"] })
  const whole = (name: string) =>
    fields.refuse(name, undefined, "Pass the receipts of decisions as they were given.")
  const wallet = fields.text("wallet", 128) ?? whole("wallet")
  const seq = fields.integer("seq", 1, Number.MAX_SAFE_INTEGER) ?? whole("seq")
  const hash = fields.text("hash", 64) ?? whole("hash")
  if (!isHash(hash))
    return fields.refuse("hash", hash, "Use the receipt as it was given: 64 hexadecimal digits.")
  return { wallet, seq, hash }
}

/** @throws {NornrError} `invalid_option` */
export function requireIterable(value: unknown, field: string): Iterable<unknown> {
  const isList = typeof value === "object" && value !== null
  if (isList && (Symbol.iterator in value || Symbol.asyncIterator in value)) return value as Iterable<unknown>
  throw new NornrError("invalid_option", `${field} is ${show(value)}.`, { remedy: "Pass a list." })
}
