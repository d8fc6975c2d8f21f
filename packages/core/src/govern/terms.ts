import { NornrError } from "../error/nornr-error.ts"
import { atEdge } from "../input/at-edge.ts"
import { defined } from "../input/defined.ts"
import { fieldsOf } from "../input/fields.ts"
import { show } from "../input/show.ts"
import { parseCounterparty } from "../intent/counterparty.ts"
import { parseTags, type RunRef } from "../intent/intent.ts"
import type { Amount } from "../money/money.ts"
import { parseAmount } from "../money/money.ts"
import type { Decision } from "../spend/decision.ts"
import { sha256 } from "../trail/digest.ts"
import type { DecisionRef } from "../wallet/decision-ref.ts"
import type { Wallet } from "../wallet/wallet.ts"
import { checkWays, type ErrorRule, type EvidenceOf, type GovernedCall, type Lazy } from "./call.ts"
import type { CurrentSpend } from "./current-spend.ts"
import type { StreamRun } from "./govern-stream.ts"
import { type Outcome, refusalOf, textOf } from "./outcome.ts"
import type { Codec, Recorded } from "./recorded.ts"

/** Who calls which tool, for a wallet that follows the call: one agent, many customers. */
export interface Call {
  readonly tool: string
  readonly agent?: string | undefined
  readonly thread?: string | undefined
  /** What the framework or the caller hands down with a call. */
  readonly context: unknown
}

/** A wallet, a promise of one, or a function of the call that gives one. */
export type WalletSource = Wallet | PromiseLike<Wallet> | ((call: Call) => Wallet | PromiseLike<Wallet>)

/** A value, or an (async) function of the tool's arguments; called once for a key. */
export type May<A, T> = T | ((args: A) => T | PromiseLike<T>)

/** On what terms a tool may run. `A` is its arguments, `R` its result. */
export interface Terms<A, R = unknown> {
  readonly wallet: WalletSource
  /** In the wallet's currency, USD by default: the most that the call can cost. */
  readonly amount: May<A, Amount>
  /** The counterparty: who is paid. */
  readonly to: May<A, string>
  /** The tool's name by default. */
  readonly purpose?: May<A, string> | undefined
  readonly tags?: May<A, Readonly<Record<string, string>>> | undefined
  /** What it has really cost; what was held by default. Where it throws, the hold is settled, and says so. */
  readonly charged?: ((result: R, args: A) => Amount | PromiseLike<Amount>) | undefined
  /** What shows that it was what it was, such as an invoice: it goes on record with the outcome. */
  readonly evidence?: ((result: R, args: A) => EvidenceOf | PromiseLike<EvidenceOf>) | undefined
  /** What becomes of the hold when the tool throws: kept (the default, since money may be gone) or released. */
  readonly onError?: ErrorRule | ((error: unknown) => ErrorRule | PromiseLike<ErrorRule>) | undefined
  /** The tool may run again after a failure or an unknown outcome: its vendor knows the idempotency key. */
  readonly idempotent?: boolean | undefined
  /** What is kept for replays: the result (the default), a digest, or what a function makes of it. */
  readonly record?: Recorded<R> | undefined
  /** What a model reads of a refusal, where budgets are private; where it throws, the usual text. */
  readonly refusal?: ((decision: Decision) => string) | undefined
}

/** One call of a tool, as an adapter found it in its framework. */
export interface ToolUse<A, R> {
  readonly tool: string
  /** What the terms see. */
  readonly args: A
  /** What the key is bound to: the arguments as the model wrote them; `args` by default. */
  readonly raw?: unknown
  readonly key?: string | undefined
  readonly run?: RunRef | undefined
  readonly context?: unknown
  readonly reask?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly codec?: Codec<R> | undefined
  /** Whether what the tool throws says that it waits and will be called again, in the framework's own way. */
  readonly pauses?: ((error: unknown) => boolean) | undefined
}

/** Of terms without their wallet. */
export const termNames: readonly string[] =
  "amount to purpose tags charged evidence onError idempotent record refusal".split(" ")

/**
 * Checks terms where they are given, not at the first call; `path` is what they are called in complaints.
 * @throws {NornrError} `invalid_option`, `invalid_amount`, `invalid_currency`, `invalid_intent`
 */
export function checkTerms(terms: unknown, more: readonly string[] = [], path: string = ""): void {
  checkTermsAt(terms, path, ["wallet", ...more])
  requireSource((terms as Terms<unknown>).wallet)
}

/**
 * The terms of tools by their names, each with the wallet.
 * @throws {NornrError} as `checkTerms`
 */
export function termsByName(
  wallet: WalletSource,
  terms: unknown,
  path: string,
): ReadonlyMap<string, Terms<unknown>> {
  requireSource(wallet)
  const names = typeof terms === "object" && terms !== null ? Object.keys(terms) : []
  const fields = fieldsOf(terms, { path, code: "invalid_option", allowed: names })
  return new Map(
    names.map((name) => {
      const given = fields.get(name)
      checkTermsAt(given, `${path}.${name}`)
      return [name, { ...(given as Omit<Terms<unknown>, "wallet">), wallet }]
    }),
  )
}

/** Checks terms without their wallet. */
export function checkTermsAt(terms: unknown, path: string, more: readonly string[] = []): void {
  atEdge("The terms", "invalid_option", () => {
    const allowed = [...termNames, ...more]
    const fields = fieldsOf(terms, { path, code: "invalid_option", allowed })
    const at = (name: string) => (path === "" ? name : `${path}.${name}`)
    const { amount, to, purpose, tags, refusal, ...rest } = terms as Partial<Terms<unknown>>
    if (amount === undefined)
      fields.refuse("amount", amount, "Say what a call costs, or a function that does.")
    if (typeof amount !== "function") parseAmount(amount, at("amount"), currencyOf(amount) ?? "USD")
    if (to === undefined) fields.refuse("to", to, "Name who is paid, or a function that does.")
    if (typeof to !== "function") parseCounterparty(to, at("to"), "invalid_option")
    if (typeof purpose !== "function") fields.text("purpose", 1000)
    if (typeof tags !== "function") parseTags(tags, at("tags"), "invalid_option")
    if (refusal !== undefined && typeof refusal !== "function") {
      fields.refuse("refusal", refusal, "Pass a function of the decision.")
    }
    checkWays(rest, path, "invalid_option")
  })
}

/**
 * Checks that options are a plain object with no other names than these.
 * @throws {NornrError} `invalid_option`
 */
export function requireOptions(options: unknown, allowed: readonly string[]): void {
  atEdge("The options", "invalid_option", () =>
    fieldsOf(options, { path: "", what: "The options", code: "invalid_option", allowed }),
  )
}

/** @throws {NornrError} `invalid_option` */
export function requireSource(source: unknown): void {
  const isWallet = typeof (source as Partial<Wallet> | undefined)?.govern === "function"
  const isPromise = typeof (source as Partial<PromiseLike<Wallet>> | undefined)?.then === "function"
  if (isWallet || isPromise || typeof source === "function") return
  const remedy = "Pass the wallet, a promise of it, or a function of the call: wallet: Wallet.create({ … })."
  throw new NornrError("invalid_option", `wallet is ${show(source)}.`, { remedy })
}

function currencyOf(amount: unknown): string | undefined {
  const given = (amount as { readonly currency?: unknown } | null)?.currency
  return typeof given === "string" ? given : undefined
}

/**
 * Puts one call of a tool under its terms: an adapter maps its framework's call to a `ToolUse` and the outcome
 * back. Throws as `wallet.govern`; then the tool did not run.
 */
export async function governUse<A, R>(
  terms: Terms<A, R>,
  use: ToolUse<A, R>,
  run: (spend: CurrentSpend) => R | PromiseLike<R>,
): Promise<Outcome<R>> {
  const wallet = await walletOf(terms.wallet, use)
  return told(terms, await wallet.govern(callOf(terms, use), run))
}

/** The decision on a call, ahead of its run: `governUse` with the same key runs it. Throws as `wallet.ask`. */
export async function askUse<A, R>(terms: Terms<A, R>, use: ToolUse<A, R>): Promise<Decision> {
  const wallet = await walletOf(terms.wallet, use)
  return wallet.ask(callOf(terms, use) as GovernedCall)
}

/** Ends a queued decision of a call that nobody will resume. Throws as `wallet.cancel`. */
export async function cancelUse<A, R>(
  { wallet }: Pick<Terms<A, R>, "wallet">,
  use: Pick<ToolUse<A, R>, "tool" | "run" | "context">,
  decision: DecisionRef,
): Promise<Decision> {
  return (await walletOf(wallet, use)).cancel(decision)
}

/** As `governUse` for a tool that streams. */
export async function* governStreamUse<A, Y, R>(
  terms: Terms<A, R>,
  use: ToolUse<A, R>,
  run: StreamRun<Y, R>,
): AsyncGenerator<Y, Outcome<R>, undefined> {
  const wallet = await walletOf(terms.wallet, use)
  return told(terms, yield* wallet.governStream(callOf(terms, use), run))
}

/** @throws {NornrError} `invalid_option`, and what opening the wallet throws */
export async function walletOf(
  source: WalletSource,
  { tool, run, context }: Pick<ToolUse<unknown, unknown>, "tool" | "run" | "context">,
): Promise<Wallet> {
  const call = { tool, agent: run?.agent, thread: run?.thread, context }
  try {
    const wallet = await (typeof source === "function" ? source(call) : source)
    requireSource(wallet)
    return wallet
  } catch (cause) {
    if (NornrError.isInstance(cause)) throw cause
    const remedy = "Nothing was asked and nothing ran; mend what gives the wallet."
    throw new NornrError("invalid_option", `There is no wallet: ${textOf(cause)}.`, { remedy, cause })
  }
}

function callOf<A, R>(terms: Terms<A, R>, use: ToolUse<A, R>): GovernedCall<R> {
  const { args, raw = args } = use
  const { amount, to, purpose, tags, charged, evidence, onError, idempotent, record } = terms
  const { tool, key, run, reask, signal, codec, pauses } = use
  return defined({
    ...{ tool, key, run, reask, signal, codec, pauses, onError, idempotent, record },
    args: raw,
    amount: lazily(amount, args),
    to: lazily(to, args),
    purpose: purpose && lazily(purpose, args),
    tags: tags && lazily(tags, args),
    charged: charged && ((result: R) => charged(result, args)),
    evidence: evidence && ((result: R) => evidence(result, args)),
  }) as GovernedCall<R>
}

function lazily<A, T>(term: May<A, T>, args: A): Lazy<T> {
  return typeof term === "function" ? () => (term as (args: A) => T | PromiseLike<T>)(args) : term
}

function told<A, R>({ refusal }: Terms<A, R>, outcome: Outcome<R>): Outcome<R> {
  if (refusal === undefined || (outcome.status !== "queued" && outcome.status !== "rejected")) return outcome
  return { ...outcome, message: refusalText({ refusal }, outcome.decision) }
}

/** What a model reads of a decision that does not let its call run, in the words of its terms. */
export function refusalText({ refusal }: Pick<Terms<unknown>, "refusal">, decision: Decision): string {
  try {
    const message = refusal?.(decision)
    return typeof message === "string" ? message : refusalOf(decision)
  } catch {
    return refusalOf(decision)
  }
}

/**
 * The key of a call from its parts, such as thread, message and call id: unambiguous, whatever they contain, and
 * short enough for four of them, however long they are.
 */
export function callKey(...parts: readonly string[]): string {
  return parts.map((part) => within(part.replace(/[%/]/g, encodeURIComponent), 120)).join("/")
}

/** Text of at most `max` characters (71 or more): its SHA-256 where it is longer, as some providers' call ids are. */
export function within(text: string, max: number): string {
  return text.length <= max ? text : `sha256:${sha256(text)}`
}
