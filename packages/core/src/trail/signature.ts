import { NornrError } from "../error/nornr-error.ts"
import { nodeCrypto } from "./digest.ts"

/** The 12 bytes before an Ed25519 public key in a SubjectPublicKeyInfo (RFC 8410). */
const spkiPrefix = "302a300506032b6570032100"

/**
 * An Ed25519 public key as 32 bytes in base64url, from PEM (`-----BEGIN PUBLIC KEY-----`), or from base64 or
 * base64url of its DER form or of the 32 bytes; undefined for anything else.
 */
export function parsePublicKey(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined
  const base64 = value.replace(/-----(BEGIN|END) PUBLIC KEY-----/g, "").replace(/\s+/g, "")
  if (!/^[\w+/-]{42,60}={0,2}$/.test(base64)) return undefined
  const bytes = Buffer.from(base64, "base64")
  if (bytes.length === 32) return bytes.toString("base64url")
  const isSpki = bytes.length === 44 && bytes.toString("hex").startsWith(spkiPrefix)
  return isSpki ? bytes.subarray(12).toString("base64url") : undefined
}

/** Signs UTF-8 text with an Ed25519 private key (RFC 8032), base64url. */
export type Signer = (text: string) => string

/**
 * The signer of an Ed25519 private key in PEM (PKCS #8).
 * @throws {NornrError} `invalid_option`
 */
export function signerOf(privateKey: unknown): Signer {
  const { createPrivateKey, sign } = nodeCrypto()
  try {
    const key = createPrivateKey(privateKey as string)
    if (key.asymmetricKeyType !== "ed25519") throw new Error(`It is of type ${key.asymmetricKeyType}.`)
    return (text) => sign(null, Buffer.from(text), key).toString("base64url")
  } catch (cause) {
    const remedy = "Pass an Ed25519 private key in PEM, as `openssl genpkey -algorithm ed25519` makes it."
    throw new NornrError("invalid_option", "The privateKey cannot be read.", { remedy, cause })
  }
}

/** Whether the holder of the private key has signed exactly this text. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  const { createPublicKey, verify } = nodeCrypto()
  try {
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey }, format: "jwk" })
    return verify(null, Buffer.from(text), key, Buffer.from(signature, "base64url"))
  } catch {
    return false
  }
}
