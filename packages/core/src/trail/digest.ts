import { sha256 as portable } from "@noble/hashes/sha2.js"
import { NornrError } from "../error/nornr-error.ts"
import { textOfBytes, utf8 } from "./bytes.ts"
import { randomText } from "./random.ts"

type NodeCrypto = typeof import("node:crypto")
type KeyObject = import("node:crypto").KeyObject

/** Node's own module without an import, which client bundlers could not resolve. */
function builtin(): NodeCrypto | undefined {
  return globalThis.process?.getBuiltinModule?.("node:crypto")
}

let loaded: NodeCrypto | undefined

/** @throws {NornrError} `unsupported` where there is none */
export function nodeCrypto(): NodeCrypto {
  loaded ??= builtin()
  if (loaded !== undefined) return loaded
  const remedy = "Open ledgers on Node.js; a browser can verify a trail but not write one."
  throw new NornrError("unsupported", "This runtime has no cryptography of Node.js.", { remedy })
}

/** SHA-256 (FIPS 180-4) of UTF-8 text, as lower-case hexadecimal or base64url; of a library where Node is not. */
export function sha256(text: string, encoding: "hex" | "base64url" = "hex"): string {
  loaded ??= builtin()
  return loaded === undefined
    ? textOfBytes(portable(utf8(text)), encoding)
    : loaded.hash("sha256", text, encoding)
}

/** SHA-256 of bytes. */
export function sha256Bytes(bytes: Uint8Array): Uint8Array {
  loaded ??= builtin()
  return loaded === undefined ? portable(bytes) : loaded.hash("sha256", bytes, "buffer")
}

/** HMAC-SHA-256 (RFC 2104) of UTF-8 text under a secret of the ledger, base64url. */
export function keyedDigest(secret: Uint8Array, text: string): string {
  return nodeCrypto().createHmac("sha256", keyOf(secret)).update(text).digest("base64url")
}

/** Preparing a key costs more than the digest. */
const keys = new WeakMap<Uint8Array, KeyObject>()

function keyOf(secret: Uint8Array): KeyObject {
  const known = keys.get(secret)
  if (known !== undefined) return known
  const key = nodeCrypto().createSecretKey(secret)
  keys.set(secret, key)
  return key
}

/** A value kept out of the trail; the trail holds only its digest, so that the value can be deleted. */
export interface Disclosure {
  /** 132 random bits, base64url. */
  readonly salt: string
  readonly value: string
}

/** A disclosure, or the digest of a value that is not kept: with the salt, who holds the value can prove that it is the one. */
export type Sealed =
  | Disclosure
  | { readonly digest: string; readonly salt?: string | undefined; readonly value?: undefined }

export function disclosure(value: string): Disclosure {
  return { salt: randomText(22, base64Url), value }
}

/** The digest of a disclosure of that name: RFC 9901 (SD-JWT) §4.2, SHA-256. */
export function disclosureDigest(name: string, { salt, value }: Disclosure): string {
  return sha256(base64url(JSON.stringify([salt, name, value])), "base64url")
}

function base64url(text: string): string {
  const { Buffer } = globalThis
  return Buffer === undefined ? textOfBytes(utf8(text), "base64url") : Buffer.from(text).toString("base64url")
}

/** The digest of a text, kept or not. */
export function sealedDigest(name: string, sealed: Sealed): string {
  return sealed.value === undefined ? sealed.digest : disclosureDigest(name, sealed)
}

const base64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
