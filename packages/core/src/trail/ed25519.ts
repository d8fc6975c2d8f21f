import { joinBytes } from "./bytes.ts"
import { nodeCrypto } from "./digest.ts"

/** Ed25519 (RFC 8032) over raw keys: Node's where there is Node, else Web Crypto's. */

/** What stands before a 32-byte seed in PKCS #8, and before a public key in a SubjectPublicKeyInfo (RFC 8410). */
const seedPrefix = Uint8Array.from([48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32])
const keyPrefix = Uint8Array.from([48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0])

export interface KeyPair {
  /** 32 bytes. */
  readonly seed: Uint8Array
  readonly publicKey: Uint8Array
}

export function newKeyPair(): KeyPair {
  return keyPairOf(globalThis.crypto.getRandomValues(new Uint8Array(32)))
}

export function keyPairOf(seed: Uint8Array): KeyPair {
  const { createPublicKey } = nodeCrypto()
  const spki = createPublicKey(privateKeyOf(seed)).export({ type: "spki", format: "der" })
  return { seed, publicKey: new Uint8Array(spki.subarray(keyPrefix.length)) }
}

export function signBytes(seed: Uint8Array, bytes: Uint8Array): Uint8Array {
  return nodeCrypto().sign(null, bytes, privateKeyOf(seed))
}

export async function verifyBytes(
  publicKey: Uint8Array,
  bytes: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const spki = joinBytes([keyPrefix, publicKey])
  const { subtle } = globalThis.crypto
  const key = await subtle.importKey("spki", spki, { name: "Ed25519" }, false, ["verify"])
  return subtle.verify({ name: "Ed25519" }, key, signature, bytes)
}

function privateKeyOf(seed: Uint8Array): import("node:crypto").KeyObject {
  const { createPrivateKey } = nodeCrypto()
  return createPrivateKey({ key: Buffer.from(joinBytes([seedPrefix, seed])), format: "der", type: "pkcs8" })
}
