import { NornrError } from "../error/nornr-error.ts"
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
  throw new NornrError("unsupported", "This runtime has no synchronous SHA-256.", { remedy })
}

/** SHA-256 of UTF-8 text, as lower-case hexadecimal or base64url. */
export function sha256(text: string, encoding: "hex" | "base64url" = "hex"): string {
  return nodeCrypto().hash("sha256", text, encoding)
}

/** As `sha256` in hexadecimal, on runtimes that only have Web Crypto too. */
export function sha256Anywhere(text: string): string | Promise<string> {
  loaded ??= builtin()
  if (loaded !== undefined) return sha256(text)
  const digest = globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))
  return digest.then((bytes) =>
    Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join(""),
  )
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

/** A disclosure whose value may not be kept: who holds the value can still prove that it is the one. */
export interface Sealed {
  readonly salt: string
  readonly value?: string
  /** Of the value, where that is not kept. */
  readonly digest?: string
}

export function disclosure(value: string): Disclosure {
  return { salt: randomText(22, base64Url), value }
}

/** The digest of a disclosure of that name: RFC 9901 (SD-JWT) §4.2, SHA-256. */
export function disclosureDigest(name: string, { salt, value }: Disclosure): string {
  const encoded = Buffer.from(JSON.stringify([salt, name, value])).toString("base64url")
  return sha256(encoded, "base64url")
}

/** The digest of a text, kept or not. */
export function sealedDigest(name: string, { salt, value, digest }: Sealed): string | undefined {
  return value === undefined ? digest : disclosureDigest(name, { salt, value })
}

const base64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
