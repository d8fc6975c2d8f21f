/** Random bytes are drawn by the page: one by one they cost more than all else in an id. */
const pool: Uint8Array<ArrayBuffer> = new Uint8Array(4096)
let used: number = pool.length

/** Random text of so many characters from an alphabet whose size is a power of two, up to 256. */
export function randomText(length: number, alphabet: string): string {
  if (used + length > pool.length) {
    globalThis.crypto.getRandomValues(pool)
    used = 0
  }
  let text = ""
  for (let index = 0; index < length; index++) {
    text += alphabet.charAt((pool[used + index] as number) % alphabet.length)
  }
  used += length
  return text
}
