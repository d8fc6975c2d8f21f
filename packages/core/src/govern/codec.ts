import { parse, stringify } from "devalue"
import type { Codec } from "./recorded.ts"

/** How values of a framework's own classes are kept: what gives false is not theirs. */
export type Reducers = Readonly<Record<string, (value: unknown) => unknown>>
/** How kept values become a framework's own again, by the name they were kept under. */
export type Revivers = Readonly<Record<string, (kept: never) => unknown>>

/**
 * Keeps what is not JSON in a record: dates, sets, bytes and the like as they were, a framework's own classes by its
 * reducers, other instances as the JSON that they make of themselves.
 */
export function codecOf(reducers: Reducers = {}, revivers: Revivers = {}): Codec<unknown> {
  const all = { ...reducers, plain }
  const back = { ...revivers, plain: ({ json }: { readonly json: unknown }) => json }
  return {
    encode: (result) => stringify(result, all),
    decode: (text) => parse(String(text), back),
  }
}

function plain(value: unknown): unknown {
  return isInstance(value) && { json: JSON.parse(JSON.stringify(value) ?? "null") }
}

/** Of a class that only its own code knows. */
function isInstance(value: unknown): boolean {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  if (kind !== "Object") return false
  const prototype = Object.getPrototypeOf(value)
  return prototype !== null && prototype !== Object.prototype
}
