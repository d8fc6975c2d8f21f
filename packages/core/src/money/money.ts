import { NornrError } from "../error/nornr-error.ts"
import { fieldsOf } from "../input/fields.ts"
import { show } from "../input/show.ts"

/**
 * An amount of money as callers write it: a number (what code computes), a decimal string (exact), or either
 * with its currency. From 0 to 9007199254.740991; a string has at most six decimals.
 */
export type Amount = number | string | { readonly amount: number | string; readonly currency: string }

export interface Money {
  /** Integer millionths (1e-6) of the currency. */
  readonly micros: bigint
  readonly currency: string
}

export const MICROS = 1_000_000n

/** The largest amount: 2^53 - 1 millionths, so that sums of a thousand of them fit 64 bits. */
export const MAX_MICROS: bigint = BigInt(Number.MAX_SAFE_INTEGER)

const decimal = /^(0|[1-9]\d{0,15})(?:\.(\d{1,6}))?$/

/**
 * Parses an amount, once, at the edge. A number loses its float noise (beyond the ninth decimal) and what
 * remains below a millionth rounds up, because a hold must cover the price. A string is exact.
 * @throws {NornrError} `invalid_amount`, `invalid_currency`
 */
export function parseAmount(value: unknown, field: string, currency: string): Money {
  if (typeof value !== "object" || value === null) return { micros: parseMicros(value, field), currency }
  const fields = fieldsOf(value, { path: field, code: "invalid_amount", allowed: ["amount", "currency"] })
  return {
    micros: parseMicros(fields.get("amount"), `${field}.amount`),
    currency: parseCurrency(fields.get("currency"), `${field}.currency`),
  }
}

/** Parses an amount without a currency into millionths; the rules of `parseAmount`. */
export function parseMicros(value: unknown, field: string): bigint {
  if (typeof value === "number") return numberToMicros(value, field)
  if (typeof value === "string") return textToMicros(value, field)
  return refuse(value, field, 'Use a number, or a decimal string such as "12.50".')
}

/** Millionths as a decimal string with two to six decimals, such as `12.50` or `0.000123`. */
export function formatMicros(micros: bigint): string {
  const digits = (micros < 0n ? -micros : micros).toString().padStart(7, "0")
  const point = digits.length - 6
  let end = digits.length
  while (end > point + 2 && digits.charCodeAt(end - 1) === 48) end--
  return `${micros < 0n ? "-" : ""}${digits.slice(0, point)}.${digits.slice(point, end)}`
}

/**
 * Checks a currency code: three letters must be a currency that the runtime knows (ISO 4217); four to ten
 * letters or digits name a token such as USDC.
 * @throws {NornrError} `invalid_currency`
 */
export function parseCurrency(value: unknown, field: string): string {
  const code = typeof value === "string" ? value.trim().toUpperCase() : ""
  const known = code.length === 3 ? knownCurrencies().has(code) : /^[A-Z][A-Z0-9]{3,9}$/.test(code)
  if (known) return code
  const remedy = 'Use an ISO 4217 code such as "USD", or the four to ten letters of a token such as "USDC".'
  throw new NornrError("invalid_currency", `${field} is ${show(value)}.`, { remedy })
}

function numberToMicros(value: number, field: string): bigint {
  if (!Number.isFinite(value)) return refuse(value, field, "Use a finite number.")
  if (value < 0) return refuse(value, field, "Use zero or more.")
  if (value > 9_007_199_255) return outOfRange(value, field)
  const shortest = String(value)
  const [whole = "0", decimals = ""] = /^\d+(\.\d{1,9})?$/.test(shortest)
    ? shortest.split(".")
    : value.toFixed(9).split(".")
  const billionths = BigInt(whole + decimals.padEnd(9, "0"))
  const micros = (billionths + 999n) / 1000n
  return micros > MAX_MICROS ? outOfRange(value, field) : micros
}

function textToMicros(value: string, field: string): bigint {
  const match = decimal.exec(value)
  if (match === null) {
    return refuse(value, field, 'Use plain decimal digits with at most six decimals, such as "12.50".')
  }
  const micros = BigInt(match[1] as string) * MICROS + BigInt((match[2] ?? "").padEnd(6, "0"))
  return micros > MAX_MICROS ? outOfRange(value, field) : micros
}

function outOfRange(value: unknown, field: string): never {
  return refuse(value, field, `Use at most ${formatMicros(MAX_MICROS)}.`)
}

function refuse(value: unknown, field: string, remedy: string): never {
  throw new NornrError("invalid_amount", `${field} is ${show(value)}.`, { remedy })
}

let currencies: ReadonlySet<string> | undefined

function knownCurrencies(): ReadonlySet<string> {
  currencies ??= new Set(Intl.supportedValuesOf("currency"))
  return currencies
}
