import { NornrError } from "../error/nornr-error.ts"
import { show } from "../input/show.ts"
import { bytesOfBase64, equalBytes, joinBytes, textOfBytes, utf8 } from "./bytes.ts"
import { sha256Bytes } from "./digest.ts"
import { type KeyPair, keyPairOf, newKeyPair, signBytes, verifyBytes } from "./ed25519.ts"
import type { SignedTree } from "./merkle.ts"

/** Checkpoints as signed notes: C2SP signed-note and tlog-checkpoint, Ed25519 (type 0x01). */

const ed25519 = Uint8Array.of(1)
const privatePrefix = "PRIVATE+KEY+"

/** A key that signs checkpoints; its name is the origin of the log. */
export interface CheckpointKey extends KeyPair {
  readonly name: string
}

/** A key that was pinned: only its signatures count. */
export interface PinnedKey {
  readonly name: string
  readonly id: Uint8Array
  readonly publicKey: Uint8Array
}

/** A checkpoint that was read; who signed it is another question. */
export interface Checkpoint extends SignedTree {
  readonly origin: string
  /** What is signed. */
  readonly text: string
  readonly signatures: readonly { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }[]
}

export type NoteFault = "malformed_checkpoint" | "unknown_key" | "bad_signature"

/** @throws {NornrError} `invalid_option` for a name that a note cannot hold */
export function newCheckpointKey(name: string): CheckpointKey {
  requireName(name)
  return { name, ...newKeyPair() }
}

function keyId(name: string, publicKey: Uint8Array): Uint8Array {
  return sha256Bytes(joinBytes([utf8(`${name}\n`), ed25519, publicKey])).slice(0, 4)
}

/** The public key as it is pinned: `name+id+key`. */
export function publicKeyText({ name, publicKey }: Pick<CheckpointKey, "name" | "publicKey">): string {
  return `${name}+${textOfBytes(keyId(name, publicKey), "hex")}+${textOfBytes(joinBytes([ed25519, publicKey]), "base64")}`
}

/** The private key as it is kept: `PRIVATE+KEY+name+id+seed`. */
export function privateKeyText({ name, publicKey, seed }: CheckpointKey): string {
  const id = textOfBytes(keyId(name, publicKey), "hex")
  return `${privatePrefix}${name}+${id}+${textOfBytes(joinBytes([ed25519, seed]), "base64")}`
}

/** @throws {NornrError} `invalid_option` */
export function parsePinnedKey(value: unknown, field: string): PinnedKey {
  const [name, id, bytes] = keyParts(value)
  const publicKey = bytes?.subarray(1)
  if (name !== undefined && id !== undefined && publicKey !== undefined) {
    if (textOfBytes(keyId(name, publicKey), "hex") === id)
      return { name, id: keyId(name, publicKey), publicKey }
  }
  const isPrivate = typeof value === "string" && value.includes(privatePrefix)
  const remedy = "Pass the public key, as it stands in the .pub file beside the private one: name+id+key."
  throw new NornrError("invalid_option", `${field} is ${isPrivate ? "a private key" : show(value)}.`, {
    remedy,
  })
}

/** @throws {NornrError} `invalid_option`, which never shows the key */
export function parsePrivateKey(value: unknown, field: string): CheckpointKey {
  const text = typeof value === "string" ? value.trim() : ""
  const [name, id, bytes] = text.startsWith(privatePrefix) ? keyParts(text.slice(privatePrefix.length)) : []
  if (name !== undefined && id !== undefined && bytes !== undefined) {
    const key = { name, ...keyPairOf(bytes.subarray(1)) }
    if (textOfBytes(keyId(name, key.publicKey), "hex") === id) return key
  }
  const remedy = "Pass the key file that `nornr checkpoint init` made: PRIVATE+KEY+name+id+key."
  throw new NornrError("invalid_option", `${field} is no private key of a checkpoint.`, { remedy })
}

type KeyParts = readonly [string, string, Uint8Array<ArrayBuffer>] | readonly []

function keyParts(value: unknown): KeyParts {
  const [, name = "", id = "", key = ""] =
    (typeof value === "string" && /^([!-*,-~]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(value.trim())) || []
  const bytes = bytesOfBase64(key)
  return bytes?.length === 33 && bytes[0] === 1 ? [name, id, bytes] : []
}

/** @throws {NornrError} `invalid_option` */
function requireName(name: unknown): asserts name is string {
  if (typeof name === "string" && name.length <= 200 && /^[!-*,-~]+$/.test(name)) return
  const remedy =
    "Use a name of ASCII letters, digits and marks but +, such as a host and path of yours: example.com/spend."
  throw new NornrError("invalid_option", `The name of the key is ${show(name)}.`, { remedy })
}

/** A signed checkpoint of a tree. */
export function signCheckpoint(key: CheckpointKey, { size, root }: SignedTree): string {
  const text = `${key.name}\n${size}\n${textOfBytes(root, "base64")}\n`
  const signed = joinBytes([keyId(key.name, key.publicKey), signBytes(key.seed, utf8(text))])
  return `${text}\n\u2014 ${key.name} ${textOfBytes(signed, "base64")}\n`
}

/** As golang.org/x/mod/sumdb/note: each may have to be verified. */
const mostSignatures = 100

/** In UTF-16 units. */
export const longestNote = 100_000

/** Reads a note as a checkpoint; undefined where it is none. */
export function parseCheckpoint(note: unknown): Checkpoint | undefined {
  if (typeof note !== "string" || note.length > longestNote) return undefined
  const [, text = "", origin = "", digits = "", base64 = "", signed = ""] =
    /^(([!-*,-~]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n)\n((?:\u2014 [!-*,-~]+ [A-Za-z0-9+/]+={0,2}\n)+)$/.exec(
      note,
    ) ?? []
  const root = bytesOfBase64(base64)
  const size = Number(digits)
  if (root?.length !== 32 || !Number.isSafeInteger(size)) return undefined
  const signatures = signed
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [, name = "", value = ""] = line.split(" ")
      return { name, bytes: bytesOfBase64(value) }
    })
  if (signatures.length > mostSignatures) return undefined
  const whole = signatures.flatMap(({ name, bytes }) =>
    bytes === undefined || bytes.length < 5 ? [] : [{ name, bytes }],
  )
  return whole.length === signatures.length ? { origin, size, root, text, signatures: whole } : undefined
}

/** What is wrong with the signatures of a checkpoint, by the keys that were pinned; undefined where nothing is. */
export async function signatureFault(
  { origin, text, signatures }: Checkpoint,
  keys: readonly PinnedKey[],
): Promise<Exclude<NoteFault, "malformed_checkpoint"> | undefined> {
  let isKnown = false
  for (const { name, bytes } of signatures) {
    const key = keys.find(
      (each) => each.name === origin && each.name === name && equalBytes(each.id, bytes.subarray(0, 4)),
    )
    if (key === undefined) continue
    isKnown = true
    if (bytes.length === 68 && (await verifyBytes(key.publicKey, utf8(text), bytes.slice(4))))
      return undefined
  }
  return isKnown ? "bad_signature" : "unknown_key"
}
