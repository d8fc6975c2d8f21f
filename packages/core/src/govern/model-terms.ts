import { NornrError } from "../error/nornr-error.ts"
import { atEdge } from "../input/at-edge.ts"
import { fieldsOf } from "../input/fields.ts"
import { parseCounterparty } from "../intent/counterparty.ts"
import { formatMicros, MICROS, parseMicros } from "../money/money.ts"
import type { ErrorRule } from "./call.ts"

/** What calls of a model cost, and the most that one can cost. */
export interface ModelTerms {
  /** The counterparty: who is paid. */
  readonly to: string
  /** Per million tokens, in the wallet's currency, exact where they are decimal strings. */
  readonly price: {
    readonly input: number | string
    readonly output: number | string
    /** Of input that the provider had cached; as `input` by default. */
    readonly cachedInput?: number | string | undefined
  }
  /** The most tokens that one answer may have: tell the model the same. 1 to 100,000,000. */
  readonly maxOutputTokens: number
  /**
   * The most tokens that one prompt may have; by default one for each byte of it, which no text exceeds. Needed
   * where prompts hold images, audio or files. 1 to 100,000,000.
   */
  readonly maxInputTokens?: number | undefined
}

/** The tokens that a provider has counted. */
export interface ModelUsage {
  /** Cached ones among them. */
  readonly input: number
  readonly output: number
  readonly cachedInput?: number | undefined
}

/** The price of a model's calls, checked. */
export interface ModelPrice {
  readonly to: string
  /**
   * What a call can cost at most.
   * @throws {NornrError} `invalid_option` where nothing bounds its prompt
   */
  most(call: {
    /** Of the prompt. */
    readonly bytes: number
    /** Why its bytes are no bound of its tokens, as the beginning of a sentence; left out where they are. */
    readonly unbounded?: string | undefined
    /** What the model itself was told, where that is known: it counts where it is more. */
    readonly output?: number | undefined
    /** How many answers it gives; 1 by default. */
    readonly answers?: number | undefined
  }): string
  /** What a call has cost. */
  cost(usage: ModelUsage): string
  /** A provider that refuses a request (HTTP 4xx) has charged nothing; of anything else nobody knows. */
  onError(error: unknown): ErrorRule
}

const most = 100_000_000

/** @throws {NornrError} `invalid_option`, `invalid_amount` */
export function parseModelTerms(terms: unknown, path: string): ModelPrice {
  return atEdge("The model's terms", "invalid_option", () => {
    const allowed = ["to", "price", "maxOutputTokens", "maxInputTokens"]
    const fields = fieldsOf(terms, { path, code: "invalid_option", allowed })
    const to = fields.get("to")
    if (to === undefined) fields.refuse("to", to, "Name who is paid.")
    const at = (name: string) => (path === "" ? name : `${path}.${name}`)
    parseCounterparty(to, at("to"), "invalid_option")
    const price = parsePrice(fields.get("price"), at("price"))
    const maxInput = fields.integer("maxInputTokens", 1, most)
    const maxOutput =
      fields.integer("maxOutputTokens", 1, most) ??
      fields.refuse("maxOutputTokens", undefined, "Set it to the most tokens that one answer may have.")
    return {
      to: to as string,
      most({ bytes, unbounded, output = 0, answers = 1 }) {
        if (maxInput === undefined && unbounded !== undefined) throw noBound(unbounded, at("maxInputTokens"))
        return total(price, { input: maxInput ?? bytes, output: Math.max(output, maxOutput) * answers })
      },
      cost: (usage) => total(price, usage),
      onError: (error) => (isRefused(error) ? "release" : "hold"),
    }
  })
}

function noBound(why: string, field: string): NornrError {
  const remedy = `Set ${field} to the most tokens that one prompt may have.`
  return new NornrError("invalid_option", `${why}, and nothing bounds what the prompt can cost.`, { remedy })
}

/** RFC 9110, 15.5; a request that timed out or was taken twice may have been worked on. */
function isRefused(error: unknown): boolean {
  const { status } = (error ?? {}) as { readonly status?: unknown }
  return typeof status === "number" && status >= 400 && status < 500 && status !== 408 && status !== 409
}

interface Prices {
  readonly input: bigint
  readonly output: bigint
  readonly cachedInput: bigint
}

function parsePrice(price: unknown, path: string): Prices {
  const allowed = ["input", "output", "cachedInput"]
  const fields = fieldsOf(price, { path, code: "invalid_option", allowed })
  const at = (name: string) => {
    const value = fields.get(name)
    if (value === undefined) fields.refuse(name, value, 'Say what a million tokens cost, such as "1.25".')
    return parseMicros(value, `${path}.${name}`)
  }
  const input = at("input")
  const cachedInput = fields.get("cachedInput") === undefined ? input : at("cachedInput")
  return { input, output: at("output"), cachedInput }
}

/** Multiplied first, rounded up once. */
function total(price: Prices, { input, output, cachedInput = 0 }: ModelUsage): string {
  const cached = Math.min(tokens(cachedInput), tokens(input))
  const micros =
    BigInt(tokens(input) - cached) * price.input +
    BigInt(cached) * price.cachedInput +
    BigInt(tokens(output)) * price.output
  return formatMicros((micros + MICROS - 1n) / MICROS)
}

function tokens(count: number): number {
  if (Number.isSafeInteger(count) && count >= 0) return count
  throw new RangeError(`A provider counted ${count} tokens.`)
}
