import { NornrError } from "../error/nornr-error.ts"
import { atEdge } from "../input/at-edge.ts"
import { show } from "../input/show.ts"

/** Where a wallet reads the time; inject one to test what happens at midnight. */
export interface Clock {
  now(): Date
  /** Calls back whenever the clock was set, so that waits do not miss it. Gives the stop. */
  onChange?(listener: () => void): () => void
}

/**
 * Reads an injected clock as milliseconds since 1970, UTC.
 * @throws {NornrError} `invalid_option` where the clock does not give a valid Date.
 */
export function readClock(clock: Clock): number {
  const now = atEdge("clock.now()", "invalid_option", (): unknown => clock.now())
  const ms = now instanceof Date ? now.getTime() : Number.NaN
  if (ms >= 0 && ms <= 253_402_300_799_999) return ms
  const remedy = "Return a Date between the years 1970 and 9999."
  throw new NornrError("invalid_option", `clock.now() returned ${show(now)}.`, { remedy })
}

let lastMs = 0
let lastText = "1970-01-01T00:00:00.000Z"

/** ISO 8601 UTC; one instant is written several times in a row. */
export function isoTime(ms: number): string {
  if (ms !== lastMs) {
    lastText = new Date(ms).toISOString()
    lastMs = ms
  }
  return lastText
}

const iso = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/

/** A Date or ISO 8601 text with a zone as milliseconds UTC; undefined for anything else, and for no such day. */
export function parseInstant(value: unknown): number | undefined {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.getTime()
  const [, year, month, day] = (typeof value === "string" && iso.exec(value)) || []
  if (day === undefined) return undefined
  const isDay = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day)
  const ms = Date.parse(value as string)
  return isDay && !Number.isNaN(ms) ? ms : undefined
}
