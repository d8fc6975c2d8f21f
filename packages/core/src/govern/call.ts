import type { ErrorCode } from "../error/codes.ts"
import { NornrError } from "../error/nornr-error.ts"
import { atEdge } from "../input/at-edge.ts"
import { fieldsOf } from "../input/fields.ts"
import { type Intent, type ParsedIntent, parseIntent, type RunRef } from "../intent/intent.ts"
import type { Amount } from "../money/money.ts"
import type { Evidence } from "../spend/evidence.ts"
import { canonicalJson } from "../trail/canonical.ts"
import { textOf } from "./outcome.ts"
import type { Codec, Recorded } from "./recorded.ts"

/** A value, or what gives it; asked once for a key, before the call is decided. */
export type Lazy<T> = T | (() => T | PromiseLike<T>)

/** None, one or several. */
export type EvidenceOf = Evidence | readonly Evidence[] | undefined

/** What becomes of the hold when the tool throws: kept (money may be gone), or given back. */
export type ErrorRule = "hold" | "release"

/** One call of a tool under a wallet. */
export interface GovernedCall<T = unknown> {
  /** The tool's name: with the arguments, what the key is bound to. */
  readonly tool: string
  /**
   * Names this call for good, through pause, resume and retry: up to 512 characters, unique in the wallet. Left
   * out, each call is a new spend, known by the id of its decision until it has ended.
   */
  readonly key?: string | undefined
  /** The arguments as the model wrote them, as JSON of up to 1 MiB, before defaults and transforms. */
  readonly args?: unknown
  readonly amount: Lazy<Amount>
  /** The counterparty. */
  readonly to: Lazy<string>
  /** The tool's name by default. */
  readonly purpose?: Lazy<string> | undefined
  readonly tags?: Lazy<Readonly<Record<string, string>>> | undefined
  readonly run?: RunRef | undefined
  /** What it has really cost; the hold by default. Where it throws, the hold is settled, and says so. */
  readonly charged?: ((result: T) => Amount | PromiseLike<Amount>) | undefined
  /** What shows that it was what it was: goes on record with the outcome. Where it throws, nothing does. */
  readonly evidence?: ((result: T) => EvidenceOf | PromiseLike<EvidenceOf>) | undefined
  /** `hold` by default. */
  readonly onError?: ErrorRule | ((error: unknown) => ErrorRule | PromiseLike<ErrorRule>) | undefined
  /** The tool may run again after a failure or an unknown outcome: its vendor knows the idempotency key. */
  readonly idempotent?: boolean | undefined
  /** What is kept for replays; the result by default, up to 1 MiB of JSON. */
  readonly record?: Recorded<T> | undefined
  /** For results that are not JSON. */
  readonly codec?: Codec<T> | undefined
  /** Asks anew for what was rejected, expired or canceled, under today's mandate. */
  readonly reask?: boolean | undefined
  /**
   * Whether what the tool throws says that it waits for something and will be called again: then its claim is given
   * back, its hold kept, and the error thrown on.
   */
  readonly pauses?: ((error: unknown) => boolean) | undefined
  /** Ends the asking and the waiting, not the tool. */
  readonly signal?: AbortSignal | undefined
}

export interface ParsedCall<T> extends GovernedCall<T> {
  /** As they were when the call was made: whoever changes the object later changes nothing. */
  readonly args?: unknown
  /** What the key is bound to. */
  readonly bound: string
  /** Whether anything has to be evaluated for an ask. */
  readonly isLazy: boolean
}

const callNames = [
  ...["tool", "key", "args", "amount", "to", "purpose", "tags", "run", "charged", "evidence", "onError"],
  ...["idempotent", "record", "codec", "reask", "pauses", "signal"],
]

/** @throws {NornrError} `invalid_intent` */
export function parseCall<T>(input: GovernedCall<T>): ParsedCall<T> {
  return atEdge("The call", "invalid_intent", () => {
    const fields = fieldsOf(input, { path: "", code: "invalid_intent", allowed: callNames })
    const tool = fields.text("tool", 256) ?? fields.refuse("tool", undefined, "Name the tool.")
    const key = fields.text("key", 512)
    fields.signal("signal")
    checkWays(input)
    const args = canonicalJson(input.args ?? null, "args")
    const parts = [input.amount, input.to, input.purpose, input.tags]
    return {
      ...input,
      tool,
      key,
      args: input.args === undefined ? undefined : JSON.parse(args),
      bound: canonicalJson(["govern", tool, args], "args"),
      isLazy: parts.some((part) => typeof part === "function"),
    }
  })
}

/**
 * Checks how a call is to be settled and recorded.
 * @throws {NornrError} `code`
 */
export function checkWays(input: object, path = "", code: ErrorCode = "invalid_intent"): void {
  const fields = fieldsOf(input, { path, code, allowed: Object.keys(input) })
  const isOneOf = (name: string, words: readonly unknown[], remedy: string) => {
    const value = fields.get(name)
    if (value !== undefined && typeof value !== "function" && !words.includes(value)) {
      fields.refuse(name, value, remedy)
    }
  }
  isOneOf("charged", [], "Pass a function of the result that gives what it cost.")
  isOneOf("evidence", [], "Pass a function of the result that gives what shows it, such as an invoice.")
  isOneOf("pauses", [], "Pass a function of the error that gives true or false.")
  isOneOf("onError", ["hold", "release"], 'Use "hold", "release" or a function of the error.')
  isOneOf("record", ["result", "digest"], 'Use "result", "digest" or a function of the result.')
  for (const name of ["idempotent", "reask"]) {
    const value = fields.get(name)
    if (value !== undefined && typeof value !== "boolean") fields.refuse(name, value, "Use true or false.")
  }
  const codec = fields.get("codec") as Partial<Codec<unknown>> | undefined
  const isCodec = typeof codec?.encode === "function" && typeof codec.decode === "function"
  if (codec !== undefined && !isCodec) fields.refuse("codec", codec, "Pass { encode, decode }.")
}

/**
 * Evaluates what a call costs and parses it as an intent.
 * @throws {NornrError} `invalid_intent`, `invalid_amount`, `invalid_currency`
 */
export async function intentOf(
  call: Omit<GovernedCall, "charged" | "evidence" | "record" | "codec">,
  currency: string,
  agent: string | undefined,
): Promise<ParsedIntent> {
  const intent = {
    amount: await evaluate("amount", call.amount),
    to: await evaluate("to", call.to),
    purpose: call.purpose && (await evaluate("purpose", call.purpose)),
    tags: call.tags && (await evaluate("tags", call.tags)),
    tool: call.tool,
    args: call.args,
    run: call.run,
    idempotencyKey: call.key,
    signal: call.signal,
  } satisfies Intent
  return atEdge("The call", "invalid_intent", () => parseIntent(intent, currency, agent))
}

/**
 * The value of a term, or what its function gives.
 * @throws {NornrError} `invalid_intent` where it throws
 */
export async function evaluate<T>(name: string, given: Lazy<T>): Promise<T> {
  if (typeof given !== "function") return given
  try {
    return await (given as () => T | PromiseLike<T>)()
  } catch (cause) {
    if (NornrError.isInstance(cause)) throw cause
    const said = textOf(cause)
    const remedy = "Nothing was asked and nothing ran; mend the function."
    throw new NornrError("invalid_intent", `The function for ${name} threw: ${said}.`, { remedy, cause })
  }
}
