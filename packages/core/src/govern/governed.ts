import { NornrError } from "../error/nornr-error.ts"
import { atEdge } from "../input/at-edge.ts"
import { defined } from "../input/defined.ts"
import { checkText, fieldsOf } from "../input/fields.ts"
import { show } from "../input/show.ts"
import type { Outcome } from "./outcome.ts"
import { callKey, checkTerms, governStreamUse, governUse, type Terms, type ToolUse } from "./terms.ts"

/** Which call it is, and whose. */
export interface CallOptions {
  /**
   * Names this call: a repeat with the same arguments gives what the first came to. Left out, each call is a new
   * spend, known by the id of its decision: that is the key to run it with when it was queued and approved.
   */
  readonly key?: string | undefined
  /** With a key, the scope that the key is unique in. */
  readonly thread?: string | undefined
  readonly agent?: string | undefined
  /** For a wallet that is a function of the call. */
  readonly context?: unknown
  /** Asks anew for what was rejected, expired or canceled before. */
  readonly reask?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

interface Named {
  /** What the tool is called in decisions and limits. */
  readonly name: string
}

/**
 * Puts an async function of one argument under a wallet: it runs once a key, after a decision.
 * @throws {NornrError} `invalid_option`, `invalid_amount` for bad terms; calls throw as `wallet.govern`
 */
export function governed<R>(
  fn: () => R | PromiseLike<R>,
  terms: Terms<undefined, NoInfer<R>> & Named,
): (args?: undefined, call?: CallOptions) => Promise<Outcome<R>>
export function governed<A, R>(
  fn: (args: A) => R | PromiseLike<R>,
  terms: Terms<NoInfer<A>, NoInfer<R>> & Named,
): (args: A, call?: CallOptions) => Promise<Outcome<R>>
export function governed<A, R>(
  fn: (args: A) => R | PromiseLike<R>,
  terms: Terms<NoInfer<A>, NoInfer<R>> & Named,
): (args: A, call?: CallOptions) => Promise<Outcome<R>> {
  requireFunction(fn)
  if (Object.prototype.toString.call(fn) === "[object AsyncGeneratorFunction]") throw streams()
  requireNamed(terms)
  return async (args, call = {}) => governUse(terms, useOf(terms, args, call), () => fn(args))
}

/**
 * As `governed` for an async generator: decided at the first `next()`. The outcome is what it returns, so that a
 * loop that reads the chunks alone sees none where the call was refused: read `next()` to its end to know why.
 */
export function governedStream<A, Y, R>(
  fn: (args: A) => AsyncGenerator<Y, R, undefined>,
  terms: Terms<NoInfer<A>, NoInfer<R>> & Named,
): (args: A, call?: CallOptions) => AsyncGenerator<Y, Outcome<R>, undefined> {
  requireFunction(fn)
  requireNamed(terms)
  return (args, call = {}) => governStreamUse(terms, useOf(terms, args, call), () => fn(args))
}

function useOf<A, R>({ name }: Named, args: A, call: CallOptions): ToolUse<A, R> {
  const allowed = ["key", "thread", "agent", "context", "reask", "signal"]
  return atEdge("The call", "invalid_intent", () => {
    const what = "The second argument of the tool"
    const fields = fieldsOf(call, { path: "", what, code: "invalid_intent", allowed })
    const key = fields.text("key", 512)
    const thread = fields.text("thread", 256)
    const { context, reask, signal } = call
    const isScoped = key !== undefined && thread !== undefined && !/^dec_[0-9a-z]{26}$/.test(key)
    const run = defined({ thread, agent: fields.text("agent", 256) })
    return { tool: name, args, key: isScoped ? callKey(thread, key) : key, run, context, reask, signal }
  })
}

function requireNamed(terms: Named): void {
  checkTerms(terms, ["name"])
  const refuse = (remedy: string): never => {
    throw new NornrError("invalid_option", `name is ${show(terms.name)}.`, { remedy })
  }
  checkText(terms.name, 256, refuse)
}

function streams(): NornrError {
  const problem = "The tool is an async generator: it would be settled before it has begun."
  return new NornrError("invalid_option", problem, { remedy: "Use governedStream." })
}

function requireFunction(fn: unknown): void {
  if (typeof fn === "function") return
  throw new NornrError("invalid_option", `The tool is ${show(fn)}.`, { remedy: "Pass the function to run." })
}
