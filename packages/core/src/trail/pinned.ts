import { NornrError } from "../error/nornr-error.ts"
import type { Fields } from "../input/fields.ts"
import { show } from "../input/show.ts"
import { bytesOfBase64 } from "./bytes.ts"
import type { Fault, FaultKind } from "./fault.ts"
import { type Checkpoint, type PinnedKey, parseCheckpoint, parsePinnedKey, signatureFault } from "./note.ts"
import { requireIterable } from "./verify.ts"

/** Whose signatures count. */
export interface KeyOptions {
  /**
   * Public keys of checkpoints, `name+id+key`, from a place that whoever wrote the trail cannot change. Without any,
   * signatures are not checked, and checkpoints cover nothing.
   */
  readonly keys?: Iterable<string> | undefined
}

/** @throws {NornrError} `invalid_option` */
export function parseKeys(options: Fields): readonly PinnedKey[] {
  return textsOf(options, "keys").map((key, index) => parsePinnedKey(key, `keys[${index}]`))
}

/** @throws {NornrError} `invalid_option` */
export function textsOf(options: Fields, name: string): readonly string[] {
  const given = options.get(name)
  if (given === undefined) return []
  if (typeof given === "string") return options.refuse(name, given, "Pass a list.")
  return [...requireIterable(given, name)].map((each, index) => {
    if (typeof each === "string") return each
    throw new NornrError("invalid_option", `${name}[${index}] is ${show(each)}.`, { remedy: "Use a string." })
  })
}

/** A note that was looked at; `isSigned` by a pinned key. */
export type CheckedNote =
  | { readonly checkpoint: Checkpoint; readonly isSigned: boolean; readonly fault?: never }
  | { readonly fault: Omit<Fault, "line" | "part">; readonly checkpoint?: never; readonly isSigned?: never }

const noteFaults = {
  malformed_checkpoint: "This is no signed checkpoint.",
  unknown_key: "No pinned key has signed this checkpoint: it is another's, or the key was swapped.",
  bad_signature: "The signature of this checkpoint is not of the pinned key: it was forged.",
} as const satisfies Partial<Record<FaultKind, string>>

export const uncoveredText =
  "A key is pinned, and nothing here is signed: no checkpoint says that this is what was there."

export async function checkNote(note: unknown, keys: readonly PinnedKey[]): Promise<CheckedNote> {
  const checkpoint = parseCheckpoint(note)
  const kind = checkpoint === undefined ? "malformed_checkpoint" : await faultOf(checkpoint, keys)
  if (checkpoint !== undefined && kind === undefined) return { checkpoint, isSigned: keys.length > 0 }
  return {
    fault: { kind: kind as keyof typeof noteFaults, message: noteFaults[kind as keyof typeof noteFaults] },
  }
}

async function faultOf(checkpoint: Checkpoint, keys: readonly PinnedKey[]) {
  return keys.length === 0 ? undefined : signatureFault(checkpoint, keys)
}

/** The hashes of a proof; undefined for anything else. */
export function hashesOf(value: unknown): readonly Uint8Array[] | undefined {
  if (!isTexts(value)) return undefined
  const hashes = value.map(bytesOfBase64)
  return hashes.every((hash) => hash?.length === 32) ? (hashes as Uint8Array[]) : undefined
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string")
}
