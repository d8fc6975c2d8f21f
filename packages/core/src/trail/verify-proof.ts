import { atEdge } from "../input/at-edge.ts"
import { type Fields, fieldsOf } from "../input/fields.ts"
import type { Receipt } from "../spend/decision.ts"
import { bytesOfHash } from "./bytes.ts"
import { canonicalJson } from "./canonical.ts"
import type { TrailEvent } from "./event.ts"
import { Faults, type Unsound } from "./fault.ts"
import { isConsistent, isIncluded, leafHash } from "./merkle.ts"
import type { PinnedKey } from "./note.ts"
import { checkNote, hashesOf, isTexts, type KeyOptions, parseKeys } from "./pinned.ts"
import { foundObject, hasOnly, hasWholeNumbers, isHash } from "./sealed.ts"
import { documentOf } from "./strict-json.ts"

/** Shows that a receipt's event is in the tree that a checkpoint was signed for. */
export interface ReceiptProof {
  readonly kind: "nornr.receipt_proof"
  readonly v: 1
  readonly receipt: Receipt
  /** The event that it is of: it says which wallet and position the hash stands for. */
  readonly event: TrailEvent
  readonly checkpoint: string
  /** The place of its leaf in the tree, from 0. */
  readonly index: number
  readonly hashes: readonly string[]
}

/** Shows that a ledger has only grown between two checkpoints. */
export interface ConsistencyProof {
  readonly kind: "nornr.consistency_proof"
  readonly v: 1
  readonly from: string
  readonly to: string
  readonly hashes: readonly string[]
}

/** What verifying a proof or a checkpoint found. */
export type ProofReport =
  | {
      readonly ok: true
      /** How many events the (later) checkpoint covers. */
      readonly size: number
      /** Whether a pinned key has signed; without one, the proof shows nothing about who says so. */
      readonly signed: boolean
    }
  | Unsound

/**
 * Checks that a receipt is in a signed tree (RFC 6962). Needs no ledger and no Node.
 * @throws {NornrError} `invalid_option` for keys that are none
 */
export async function verifyReceipt(
  proof: ReceiptProof | string,
  options: KeyOptions = {},
): Promise<ProofReport> {
  const keys = keysOf(options)
  const faults = new Faults()
  const fields = proofFields(proof, "nornr.receipt_proof")
  const { hash, wallet, seq } = (fields?.["receipt"] ?? {}) as Partial<Record<string, unknown>>
  const [event, note, texts, index] = ["event", "checkpoint", "hashes", "index"].map((name) => fields?.[name])
  const isReceipt = isHash(hash) && typeof wallet === "string" && Number.isSafeInteger(seq)
  const isWhole = isReceipt && typeof event === "object" && event !== null && !Array.isArray(event)
  if (!isWhole || typeof note !== "string" || !isTexts(texts) || !Number.isSafeInteger(index))
    return malformed(faults)
  const found = foundObject(event)
  if (found?.seal !== "whole") {
    faults.add({
      kind: "edited",
      part: "event",
      message: "The event does not have the hash of its content: it was edited.",
    })
  } else if (found.event.hash !== hash || found.event.wallet !== wallet || found.event.seq !== seq) {
    faults.add({
      kind: "receipt_mismatch",
      part: "receipt",
      message: "The receipt is of another event than the proof.",
    })
  }
  const hashes = hashesOf(texts)
  const { checkpoint, isSigned, fault } = await checkNote(note, keys)
  const leaf = leafHash(bytesOfHash(hash) as Uint8Array)
  if (fault !== undefined) faults.add({ ...fault, part: "checkpoint" })
  else if (hashes === undefined || !isIncluded(leaf, { index: index as number, ...checkpoint }, hashes)) {
    const message =
      "The proof does not lead from the receipt to the checkpoint: its event is not in that ledger."
    faults.add({ kind: "proof_fails", part: "hashes", message })
  }
  return faults.unsound() ?? { ok: true, size: checkpoint?.size ?? 0, signed: isSigned === true }
}

/**
 * Checks that the ledger of a later checkpoint begins with that of an earlier one (RFC 9162 §2.1.4). Needs no
 * ledger and no Node.
 * @throws {NornrError} `invalid_option` for keys that are none
 */
export async function verifyConsistency(
  proof: ConsistencyProof | string,
  options: KeyOptions = {},
): Promise<ProofReport> {
  const keys = keysOf(options)
  const faults = new Faults()
  const fields = proofFields(proof, "nornr.consistency_proof")
  const areNotes = typeof fields?.["from"] === "string" && typeof fields["to"] === "string"
  if (fields === undefined || !areNotes || !isTexts(fields["hashes"])) return malformed(faults)
  const hashes = hashesOf(fields["hashes"])
  const [from, to] = await Promise.all(
    (["from", "to"] as const).map(async (part) => {
      const checked = await checkNote(fields[part], keys)
      if (checked.fault !== undefined) faults.add({ ...checked.fault, part })
      return checked
    }),
  )
  if (from?.checkpoint !== undefined && to?.checkpoint !== undefined) {
    const [earlier, later] = [from.checkpoint, to.checkpoint]
    if (later.size < earlier.size) {
      const message = `The later checkpoint covers ${later.size} events, the earlier one ${earlier.size}: the ledger was rolled back.`
      faults.add({ kind: "shrunk", part: "to", message })
    } else if (hashes === undefined || !isConsistent(earlier, later, hashes)) {
      const message =
        "The ledger of the later checkpoint does not begin with that of the earlier one: it was rewritten."
      faults.add({ kind: "proof_fails", part: "hashes", message })
    }
  }
  return faults.unsound() ?? { ok: true, size: to?.checkpoint?.size ?? 0, signed: keys.length > 0 }
}

/**
 * Checks a signed checkpoint alone.
 * @throws {NornrError} `invalid_option` for keys that are none
 */
export async function verifyNote(note: string, options: KeyOptions = {}): Promise<ProofReport> {
  const keys = keysOf(options)
  const { checkpoint, isSigned, fault } = await checkNote(note, keys)
  const faults = new Faults()
  if (fault !== undefined) faults.add({ ...fault, part: "checkpoint" })
  return faults.unsound() ?? { ok: true, size: checkpoint?.size ?? 0, signed: isSigned === true }
}

function keysOf(options: unknown): readonly PinnedKey[] {
  return atEdge("The keys", "invalid_option", () => parseKeys(optionsOf(options, ["keys"])))
}

/** @throws {NornrError} `invalid_option` */
export function optionsOf(options: unknown, allowed: readonly string[]): Fields {
  return fieldsOf(options, { path: "", what: "The options", code: "invalid_option", allowed })
}

const proofNames = {
  "nornr.receipt_proof": ["kind", "v", "receipt", "event", "checkpoint", "index", "hashes"],
  "nornr.consistency_proof": ["kind", "v", "from", "to", "hashes"],
} as const

function proofFields(
  proof: unknown,
  kind: keyof typeof proofNames,
): Readonly<Record<string, unknown>> | undefined {
  const fields = asStrictJson(documentOf(proof))
  if (!hasOnly(fields, proofNames[kind]) || !hasWholeNumbers(fields)) return undefined
  return fields["kind"] === kind && fields["v"] === 1 ? fields : undefined
}

/** Undefined for what is no object of the JSON that formats.md describes. */
function asStrictJson(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined
  try {
    canonicalJson(value, "proof")
    return value as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}

function malformed(faults: Faults): Unsound {
  faults.add({ kind: "malformed", part: "proof", message: "This is no such proof." })
  return faults.unsound() as Unsound
}
