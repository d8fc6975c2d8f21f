import type { Engine } from "../engine/engine.ts"
import { createEngine } from "../engine/engine.ts"
import { NornrError } from "../error/nornr-error.ts"
import type { ParsedIntent } from "../intent/intent.ts"
import type { OpenedLedger } from "../ledger/open-ledger.ts"
import type { Notifier } from "../notify/notifier.ts"
import type { Delivery } from "../notify/targets.ts"
import type { Decision } from "../spend/decision.ts"
import { type Clock, readClock } from "../time/clock.ts"

export interface Identity {
  readonly owner: string
  readonly currency: string
  /** Whether code that holds this object may set terms. */
  readonly mayAmend: boolean
}

/** An open ledger under a clock. */
export interface Connection {
  readonly engine: Engine
  /** Milliseconds UTC. */
  readonly clock: () => number
  /** The clock that was injected. */
  readonly clockSource: Clock | undefined
  readonly opened: OpenedLedger
  /** Aborted when the wallet or desk is closed. */
  readonly closing: AbortController
}

/** What a wallet shares with the wallets of its agents. */
export interface Session extends Identity, Connection {
  /** Sets the terms of an agent, given with `forAgent`; done once, through whichever wallet object. */
  readonly terms: Map<string, () => Promise<void>>
  /** Tools that are running, until their end is recorded. */
  readonly running: Set<Promise<unknown>>
  /** What asks that are under way have evaluated, by key and binding: once, however many callers there are. */
  readonly asking: Map<string, Promise<ParsedIntent>>
  /** Tells what is committed to the wallet. */
  readonly notifier: Notifier
  readonly deliveries: readonly Delivery[]
  /** Sees a decision that was just queued, before whoever asked does. */
  readonly onQueued?: ((decision: Decision) => Promise<void>) | undefined
}

export function connectionOf(opened: OpenedLedger, clockSource: Clock | undefined): Connection {
  const clock = clockSource === undefined ? Date.now : () => readClock(clockSource)
  const engine = engineFor(opened, clockSource, clock)
  return { engine, clock, clockSource, opened, closing: new AbortController() }
}

/** Wallets on one ledger share an engine, so that their commits are gathered; each injected clock has its own. */
const engines = new WeakMap<object, WeakMap<object, Engine>>()
const systemClock = {}

function engineFor({ ledger }: OpenedLedger, clock: Clock | undefined, now: () => number): Engine {
  const ofLedger = engines.get(ledger) ?? new WeakMap<object, Engine>()
  engines.set(ledger, ofLedger)
  const engine = ofLedger.get(clock ?? systemClock) ?? createEngine({ ledger, clock: now })
  ofLedger.set(clock ?? systemClock, engine)
  return engine
}

/** Which budget a run inside a tool is told by. */
export function whoseOf({ opened, owner }: Session): { readonly ledger: object; readonly owner: string } {
  return { ledger: opened.ledger, owner }
}

/** Something that closing the wallet waits for. */
export async function untilEnded<T>({ running }: Session, run: () => Promise<T>): Promise<T> {
  const ended = run()
  running.add(ended)
  try {
    return await ended
  } finally {
    running.delete(ended)
  }
}

export function closedError(whose: string): NornrError {
  const remedy = "Open it again with Wallet.create or Wallet.connect."
  return new NornrError("wallet_closed", `The wallet of ${whose} was closed.`, { remedy })
}
