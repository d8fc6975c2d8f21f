import { NornrError } from "../error/nornr-error.ts"
import { defined } from "../input/defined.ts"
import { show } from "../input/show.ts"
import type { Outcome } from "./outcome.ts"
import { callKey, checkTerms, governStreamUse, governUse, type Terms, type ToolUse } from "./terms.ts"

/** Which call it is, and whose. */
export interface CallOptions {
  /** Names this call: a repeat with the same arguments gives what the first came to. Left out, a new spend. */
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
export function governed<A, R>(
  fn: (args: A) => R | PromiseLike<R>,
  terms: Terms<NoInfer<A>, NoInfer<R>> & Named,
): (args: A, call?: CallOptions) => Promise<Outcome<R>> {
  requireFunction(fn)
  checkTerms(terms, ["name"])
  return (args, call = {}) => governUse(terms, useOf(terms, args, call), () => fn(args))
}

/** As `governed` for an async generator: decided at the first `next()`; the outcome is what it returns. */
export function governedStream<A, Y, R>(
  fn: (args: A) => AsyncGenerator<Y, R, undefined>,
  terms: Terms<NoInfer<A>, NoInfer<R>> & Named,
): (args: A, call?: CallOptions) => AsyncGenerator<Y, Outcome<R>, undefined> {
  requireFunction(fn)
  checkTerms(terms, ["name"])
  return (args, call = {}) => governStreamUse(terms, useOf(terms, args, call), () => fn(args))
}

function useOf<A, R>({ name }: Named, args: A, call: CallOptions): ToolUse<A, R> {
  const { key, thread, agent, context, reask, signal } = call
  const scoped = key === undefined || thread === undefined ? key : callKey(thread, key)
  return { tool: name, args, key: scoped, run: defined({ thread, agent }), context, reask, signal }
}

function requireFunction(fn: unknown): void {
  if (typeof fn === "function") return
  throw new NornrError("invalid_option", `The tool is ${show(fn)}.`, { remedy: "Pass the function to run." })
}
