import type { Receipt } from "../spend/decision.ts"
import { noHash } from "./event.ts"
import type { Fault, FaultKind } from "./fault.ts"
import type { FoundEvent } from "./sealed.ts"

/** Walks along the chain of one wallet, from its first event on, and says what does not fit. */
export class Chain {
  /** The last event that was taken for one of the chain. */
  last: { readonly seq: number; readonly hash: string; readonly at: string } = {
    seq: 0,
    hash: noHash,
    at: "",
  }

  next({ event, seal }: FoundEvent): readonly Fault[] {
    const { seq, hash, at, prev, type } = event
    const { last } = this
    const fault = (kind: FaultKind, what: string, position = seq): Fault => ({
      kind,
      wallet: event.wallet,
      seq: position,
      message: `Event ${position} ${what}`,
    })
    const expected = last.seq + 1
    if (seq < expected) {
      return [fault("out_of_order", `comes after event ${last.seq}: it was repeated, inserted or moved.`)]
    }
    this.last = { seq, hash, at }
    const missing = seq === expected ? [] : [fault("gap", gapText(expected, seq), expected)]
    if (seal === "edited") {
      return [...missing, fault("edited", "does not have the hash of its content: it was edited.")]
    }
    if (seal === "malformed") {
      return [...missing, fault("malformed", "has its hash, but is not written as an event is.")]
    }
    if (missing.length > 0) return missing
    if (prev !== last.hash) return [fault("broken_link", "does not follow from the event before it.")]
    const isReversed = at < last.at && type !== "clock.reset"
    return isReversed ? [fault("time_reversed", "is older than the event before it.")] : []
  }
}

function gapText(expected: number, seq: number): string {
  if (expected === 1) return `is missing: this begins at ${seq}. Pass the whole trail, from position 1.`
  return `is missing: position ${seq} follows ${expected - 1}. Events were deleted or reordered.`
}

/** Receipts that were kept elsewhere: each must be of an event that is met. */
export class Receipts {
  readonly #expected = new Map<string, readonly Receipt[]>()

  constructor(receipts: readonly Receipt[]) {
    for (const each of receipts) {
      const place = placeOf(each)
      const others = (this.#expected.get(place) ?? []).filter(({ hash }) => hash !== each.hash)
      this.#expected.set(place, [...others, each])
    }
  }

  /** All receipts of a position must fit: two that differ prove a rewrite, whichever of them fits. */
  met(event: Receipt): readonly Fault[] {
    if (this.#expected.size === 0) return []
    const place = placeOf(event)
    const receipts = this.#expected.get(place) ?? []
    this.#expected.delete(place)
    const { wallet, seq } = event
    const message = `Event ${seq} is not the one a receipt was given for: the trail was rewritten.`
    const differing = receipts.filter(({ hash }) => hash !== event.hash)
    return differing.map(() => ({ kind: "receipt_mismatch", wallet, seq, message }))
  }

  /** Those whose events were never met, by position. */
  missing(lastOf: (wallet: string) => number): readonly Fault[] {
    const left = [...this.#expected.values()].map(([first]) => first as Receipt)
    return left
      .sort((a, b) => a.seq - b.seq)
      .map(({ wallet, seq }) => {
        const message = `Event ${seq} of wallet ${wallet} is missing, though a receipt was given for it: the trail was cut after ${lastOf(wallet)}.`
        return { kind: "receipt_missing", wallet, seq, message }
      })
  }
}

function placeOf({ wallet, seq }: Receipt): string {
  return `${seq} ${wallet}`
}
