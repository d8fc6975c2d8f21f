import { randomText } from "./random.ts"

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

/**
 * A new id: the prefix, then 48 bits of time and 80 random bits in Crockford's base 32 (the ULID layout), so
 * that ids sort by the time they were made and new rows land beside each other.
 */
export function newId(prefix: "dec" | "apr" | "wat", at: number): string {
  let time = ""
  let rest = at
  for (let index = 0; index < 10; index++) {
    time = alphabet.charAt(rest % 32) + time
    rest = Math.floor(rest / 32)
  }
  return `${prefix}_${time}${randomText(16, alphabet)}`
}
