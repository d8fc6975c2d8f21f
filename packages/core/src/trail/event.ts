import { NornrError } from "../error/nornr-error.ts"
import type { EventRow, Remark } from "../ledger/ledger.ts"
import { canonicalJson, type Json } from "./canonical.ts"
import { sha256 } from "./digest.ts"

/** Every type of event, with what it records. Stable. */
export const eventTypes = {
  "wallet.created": "A wallet and its first mandate.",
  "mandate.amended": "A new version of the mandate of the wallet or of an agent, whole.",
  "decision.made": "An intent and the verdict on it.",
  "approval.resolved": "What became of a queued decision or of an approval nobody used.",
  "spend.claimed": "The tool is about to run.",
  "spend.returned": "The claim was given back before anything ran.",
  "spend.settled": "It cost this much.",
  "spend.released": "It cost nothing.",
  "spend.failed": "The tool threw; the amount stays held.",
  "spend.unknown": "Nobody can say what became of it; the amount stays held.",
  "spend.overage": "It cost more than was held.",
  "spend.late_outcome": "An outcome that came after the spend was decided on otherwise.",
  "spend.adjusted": "A reviewer corrected what it cost.",
  "evidence.attached": "Evidence was attached to a decision.",
  "texts.redacted": "A reviewer deleted texts of a decision; the trail keeps their digests.",
  "checkpoint.key": "A key that signs checkpoints was set; of a rotation, signed with the key before.",
  "control.set": "A reviewer froze, unfroze, put under review or revoked the wallet or an agent.",
  "clock.reset":
    "A reviewer set the time of the wallet back to the clock; the one event that may be earlier.",
} as const

/** What an event records. Stable. */
export type EventType = keyof typeof eventTypes

/** One event of a wallet's trail. `hash` is the SHA-256 of the RFC 8785 text of all other fields. */
export interface TrailEvent {
  /** Format version. */
  readonly v: 1
  readonly wallet: string
  /** Position, from 1, without gaps. */
  readonly seq: number
  /** ISO 8601 UTC, never before the event before it, but for `clock.reset`. */
  readonly at: string
  readonly type: EventType
  /** SHA-256 of the wallet's mandate in force. */
  readonly mandate: string
  /** Hash of the event before; 64 zeros at position 1. */
  readonly prev: string
  /** Amounts are decimal strings; texts of people are salted digests. */
  readonly data: { readonly [name: string]: Json }
  readonly hash: string
  /** What a reviewer said, while it is kept beside the trail: `data` has its digest. No part of the hash. */
  readonly remark?: string
}

export const noHash: string = "0".repeat(64)

/** Seals an event: its canonical text and hash. */
export function sealEvent(event: Omit<TrailEvent, "hash">, remark?: Remark): EventRow {
  const body = canonicalJson(event, "event")
  const row = { wallet: event.wallet, seq: event.seq, hash: sha256(body), body }
  return remark === undefined ? row : { ...row, remark }
}

/** @throws {NornrError} `ledger_corrupt` where the row holds no JSON */
export function openEvent({ wallet, seq, hash, body, remark }: EventRow): TrailEvent {
  try {
    const event = { ...(JSON.parse(body) as Omit<TrailEvent, "hash">), hash }
    if (typeof event.data !== "object" || event.data === null) throw new Error("It has no data.")
    return remark === undefined ? event : { ...event, remark: remark.value }
  } catch (cause) {
    const remedy = "Keep the file as it is for examination and restore a backup."
    const problem = `Event ${seq} of wallet ${JSON.stringify(wallet)} is damaged.`
    throw new NornrError("ledger_corrupt", problem, { remedy, cause })
  }
}
