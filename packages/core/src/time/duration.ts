import { NornrError } from "../error/nornr-error.ts"
import { show } from "../input/show.ts"

/** A length of time: milliseconds, or a whole number with a unit such as `15m`, `24h` or `7d`. */
export type Duration = number | `${number}${"s" | "m" | "h" | "d"}`

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * A duration in milliseconds, from one second to 366 days.
 * @throws {NornrError} `invalid_mandate`
 */
export function parseDuration(value: unknown, field: string): number {
  const match = typeof value === "string" ? /^(\d{1,9})([smhd])$/.exec(value) : null
  const ms = match === null ? value : Number(match[1]) * (units[match[2] as string] as number)
  if (typeof ms === "number" && Number.isSafeInteger(ms) && ms >= 1_000 && ms <= 31_622_400_000) return ms
  const remedy = 'Use milliseconds or text such as "90s", "15m", "24h" or "7d", from 1s to 366d.'
  throw new NornrError("invalid_mandate", `${field} is ${show(value)}.`, { remedy })
}
