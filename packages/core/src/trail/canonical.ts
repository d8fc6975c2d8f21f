import { NornrError } from "../error/nornr-error.ts"
import { show } from "../input/show.ts"

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

const deepest = 64
const most = 500_000

/**
 * The RFC 8785 (JSON Canonicalization Scheme) text of a value. ECMAScript's own number and string forms and
 * its UTF-16 sort are the ones the RFC asks for. As in JSON, a field that is undefined is absent; anything else
 * that JSON cannot hold is refused, never converted.
 * @throws {NornrError} `invalid_intent` for anything but JSON, for cycles, for more than 64 levels and for more
 * than half a million values.
 */
export function canonicalJson(value: unknown, field: string): string {
  return write(value, field, 0, { left: most })
}

/** How much is left to write: an object that is met on many ways is written each time. */
interface Budget {
  left: number
}

function write(value: unknown, field: string, depth: number, budget: Budget): string {
  if (budget.left-- <= 0) {
    const remedy = "Pass less; name large values by digest."
    throw new NornrError("invalid_intent", `${field} holds more than ${most} values.`, { remedy })
  }
  if (value === null || typeof value === "boolean") return String(value)
  if (typeof value === "string") return quote(value, field)
  if (typeof value === "number") return Number.isFinite(value) ? JSON.stringify(value) : refuse(value, field)
  if (typeof value !== "object") return refuse(value, field)
  if (depth >= deepest) {
    const remedy = "Pass plain JSON that does not refer to itself."
    throw new NornrError("invalid_intent", `${field} is nested deeper than ${deepest} levels.`, { remedy })
  }
  if (Array.isArray(value)) {
    const items: string[] = []
    for (const item of value) items.push(write(item, field, depth + 1, budget))
    return `[${items.join(",")}]`
  }
  if (!isPlain(value)) return refuse(value, field)
  let text = ""
  for (const name of Object.keys(value).sort()) {
    const item = (value as Record<string, unknown>)[name]
    if (item === undefined) continue
    const entry = write(item, field, depth + 1, budget)
    text += `${text === "" ? "" : ","}${quote(name, field)}:${entry}`
  }
  return `{${text}}`
}

/** Text without quotes, backslashes, controls or anything beyond ASCII is its own JSON. */
const plain = /^[ !#-[\]-~]*$/

function quote(text: string, field: string): string {
  if (plain.test(text)) return `"${text}"`
  return text.isWellFormed() ? JSON.stringify(text) : refuse(text, field)
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function refuse(value: unknown, field: string): never {
  const remedy = "Use only what JSON holds: strings, finite numbers, booleans, null, arrays, plain objects."
  throw new NornrError("invalid_intent", `${field} holds ${show(value)}.`, { remedy })
}
