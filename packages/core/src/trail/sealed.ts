import { canonicalJson } from "./canonical.ts"
import { sha256 } from "./digest.ts"
import type { TrailEvent } from "./event.ts"
import { parseStrict } from "./strict-json.ts"

/** An event as it was found, and whether its text is the one that its hash was taken of. */
export interface FoundEvent {
  readonly event: TrailEvent
  readonly seal: "whole" | "edited" | "malformed"
}

/** Reads an event from its text and its hash; undefined where it is none. */
export function foundText(body: string, hash: string): FoundEvent | undefined {
  return foundSealed(body, parseStrict(body), hash)
}

/** As `foundText`, of a text that was parsed already. */
export function foundSealed(body: string, parsed: unknown, hash: string): FoundEvent | undefined {
  if (!isSealed(parsed) || !isHash(hash)) return undefined
  const seal = sha256(body) !== hash ? "edited" : isCanonical(body, parsed) ? "whole" : "malformed"
  return { event: { ...parsed, hash } as TrailEvent, seal }
}

/** Reads an event that was given as an object; undefined where it is none. */
export function foundObject(value: unknown): FoundEvent | undefined {
  if (!isSealed(value)) return undefined
  const { hash, ...sealed } = value as unknown as TrailEvent
  if (!isHash(hash)) return undefined
  const body = textOf(sealed)
  const isWhole = body !== undefined && sha256(body) === hash
  const seal = !isWhole ? "edited" : hasOnlyFields(sealed) ? "whole" : "malformed"
  return { event: value as unknown as TrailEvent, seal }
}

/** As `foundObject`, of an event as a trail gives it: with what a reviewer said beside it. */
export function foundOpened(value: unknown): FoundEvent | undefined {
  if (!isSealed(value)) return undefined
  const { remark: _apart, ...event } = value
  return foundObject(event)
}

/** ISO 8601 UTC with milliseconds, as events are written. */
function isTime(value: unknown): boolean {
  return typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value)
}

export function isHash(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value)
}

type Sealed = Readonly<Record<string, unknown>>

const names = ["at", "data", "mandate", "prev", "seq", "type", "v", "wallet"]

/** Whether it has the form of an event, whatever its hash. */
export function isSealed(value: unknown): value is Sealed {
  if (typeof value !== "object" || value === null) return false
  const { at, data, mandate, prev, seq, type, v, wallet } = value as Sealed
  return (
    typeof data === "object" &&
    data !== null &&
    !Array.isArray(data) &&
    Number.isSafeInteger(seq) &&
    typeof v === "number" &&
    [mandate, prev, type, wallet].every((each) => typeof each === "string") &&
    isTime(at)
  )
}

/** A longer text may have more values than RFC 8785 text is made of here. */
const short = 1_000_000

function isCanonical(body: string, parsed: Sealed): boolean {
  if (!hasOnlyFields(parsed)) return false
  const isPlain = body.length <= short && JSON.stringify(parsed) === body && !body.includes("\\ud")
  return isPlain && isSorted(parsed) ? true : textOf(parsed) === body
}

function hasOnlyFields(sealed: object): boolean {
  return (
    (sealed as { v?: unknown }).v === 1 &&
    Object.keys(sealed).length === names.length &&
    hasWholeNumbers(sealed)
  )
}

/** Whether it is an object with exactly these fields. */
export function hasOnly(
  value: unknown,
  fields: readonly string[],
): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false
  return Object.keys(value).length === fields.length && fields.every((name) => Object.hasOwn(value, name))
}

/** Whether every number in it is whole and exact. */
export function hasWholeNumbers(value: unknown): boolean {
  if (typeof value === "number") return Number.isSafeInteger(value)
  if (typeof value !== "object" || value === null) return true
  for (const each of Object.values(value)) if (!hasWholeNumbers(each)) return false
  return true
}

function isSorted(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true
  if (Array.isArray(value)) return value.every(isSorted)
  let last = ""
  for (const [name, each] of Object.entries(value)) {
    if (name < last || !isSorted(each)) return false
    last = name
  }
  return true
}

/** RFC 8785 text; undefined for what has none. */
function textOf(value: object): string | undefined {
  try {
    return canonicalJson(value, "event")
  } catch {
    return undefined
  }
}
