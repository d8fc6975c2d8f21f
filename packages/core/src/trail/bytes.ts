/** Conversions that every runtime has, so that a browser can verify what Node wrote. */

type Encoding = "hex" | "base64" | "base64url"

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

export function textOfBytes(bytes: Uint8Array, encoding: Encoding): string {
  if (encoding === "hex") return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")
  let binary = ""
  for (const byte of bytes) binary += String.fromCharCode(byte)
  const base64 = btoa(binary)
  return encoding === "base64"
    ? base64
    : base64.replace(/[+/=]/g, (each) => (each === "+" ? "-" : each === "/" ? "_" : ""))
}

/** The bytes of standard base64 with padding; undefined for anything else. */
export function bytesOfBase64(text: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (typeof text !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0)
    return undefined
  const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0))
  return textOfBytes(bytes, "base64") === text ? bytes : undefined
}

/** The 32 bytes of a SHA-256 in lower-case hexadecimal; undefined for anything else. */
export function bytesOfHash(text: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (typeof text !== "string" || !/^[0-9a-f]{64}$/.test(text)) return undefined
  return Uint8Array.from({ length: 32 }, (_, index) =>
    Number.parseInt(text.slice(index * 2, index * 2 + 2), 16),
  )
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index])
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
