/**
 * Calendar windows in a time zone. Keys follow ISO 8601 (weeks too); an hour carries its UTC offset, so that
 * the hour that daylight saving repeats is two windows.
 */
export type Period = "hour" | "day" | "week" | "month"

export const periods: readonly Period[] = ["hour", "day", "week", "month"]

interface Open {
  readonly key: string
  /** The window is known to reach from here to `end`, both in milliseconds UTC; `end` is outside. */
  readonly from: number
  readonly end: number
}

const longest: Readonly<Record<Period, number>> = {
  hour: 3_600_000,
  day: 26 * 3_600_000,
  week: (7 * 24 + 2) * 3_600_000,
  month: (31 * 24 + 2) * 3_600_000,
}

/** The last window asked for in each zone and period: nearly every question is about the same one. */
const latest = new Map<string, Open>()

/** The key of the window that holds an instant (milliseconds UTC). */
export function windowKey(period: Period, at: number, timeZone: string): string {
  return openWindow(period, at, timeZone).key
}

/** The instant (milliseconds UTC) at which the window that holds `at` is over. */
export function windowEnd(period: Period, at: number, timeZone: string): number {
  return openWindow(period, at, timeZone).end
}

function openWindow(period: Period, at: number, timeZone: string): Open {
  const name = `${period} ${timeZone}`
  const known = latest.get(name)
  if (known !== undefined && at >= known.from && at < known.end) return known
  const key = keyAt(period, at, timeZone)
  const open = { key, from: at, end: firstOther(period, at, timeZone, key) }
  if (known === undefined || at > known.from) latest.set(name, open)
  return open
}

/** Bisects for the first instant with another key; keys never come back within the longest window. */
function firstOther(period: Period, at: number, timeZone: string, key: string): number {
  let inside = at
  let outside = at + longest[period]
  while (outside - inside > 1) {
    const middle = Math.floor((inside + outside) / 2)
    if (keyAt(period, middle, timeZone) === key) inside = middle
    else outside = middle
  }
  return outside
}

function keyAt(period: Period, at: number, timeZone: string): string {
  const offset = utcOffset(at, timeZone)
  const local = new Date(at + offset)
  if (period === "week") return isoWeek(local)
  const text = local.toISOString()
  if (period === "month") return text.slice(0, 7)
  if (period === "day") return text.slice(0, 10)
  return `${text.slice(0, 13)}${offsetText(offset)}`
}

/** ISO 8601 week: the one that holds the Thursday, counted in the Thursday's year. */
function isoWeek(local: Date): string {
  const day = Math.floor(local.getTime() / 86_400_000)
  const thursday = day - ((day + 3) % 7) + 3
  const year = new Date(thursday * 86_400_000).getUTCFullYear()
  const firstDay = Date.UTC(year, 0, 1) / 86_400_000
  return `${year}-W${String(Math.floor((thursday - firstDay) / 7) + 1).padStart(2, "0")}`
}

function offsetText(offset: number): string {
  const minutes = Math.round(Math.abs(offset) / 60_000)
  const two = (value: number) => String(value).padStart(2, "0")
  return `${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** Local time minus UTC in milliseconds. */
function utcOffset(at: number, timeZone: string): number {
  if (timeZone === "UTC") return 0
  const second = Math.floor(at / 1000) * 1000
  const parts: Record<string, number> = {}
  for (const { type, value } of formatFor(timeZone).formatToParts(second)) parts[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second: seconds = 0 } = parts
  return Date.UTC(year, month - 1, day, hour, minute, seconds) - second
}

function formatFor(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone)
  if (known !== undefined) return known
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "iso8601",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  })
  formats.set(timeZone, format)
  return format
}

/** An instant as local time, such as `2026-11-22 00:00`. */
export function localTime(at: number, timeZone: string): string {
  return new Date(at + utcOffset(at, timeZone)).toISOString().slice(0, 16).replace("T", " ")
}

/** The hour (0 to 23) and weekday (1 is Monday) of an instant in a zone. */
export function localHour(at: number, timeZone: string): { readonly hour: number; readonly weekday: number } {
  const local = new Date(at + utcOffset(at, timeZone))
  return { hour: local.getUTCHours(), weekday: local.getUTCDay() === 0 ? 7 : local.getUTCDay() }
}
