import { NornrError } from "../error/nornr-error.ts"
import type { Entry, EventRow, Ledger, Settled, Step } from "../ledger/ledger.ts"
import { afterRealTime, onRealMicrotask, realNow } from "../time/real-timer.ts"
import { expireStep } from "./review.ts"

export interface EngineOptions {
  readonly ledger: Ledger
  /** Milliseconds UTC. */
  readonly clock: () => number
  /** Decides when a batch closes: on a microtask by default, so that fake timers cannot hang it. */
  readonly closeBatch?: (close: () => void) => void
  /** How long a commit may take, in milliseconds. */
  readonly deadline?: number
}

interface CommitOptions<R> {
  readonly signal?: AbortSignal | undefined
  /** What withdraws the result where the caller was told that nothing happened. */
  readonly undo?: (result: R) => Step<unknown> | undefined
}

interface ReadOptions {
  /** Without what is due: exactly what is stored. */
  readonly asStored?: boolean
}

/** Gathers the steps that arrive while a commit is under way into the next one (group commit). */
export interface Engine {
  readonly ledger: Ledger
  /**
   * Commits a step and gives its answer.
   * @throws {NornrError} `aborted`, `ledger_timeout`, and what the ledger and the step throw
   */
  commit<R>(wallet: string, step: Step<R>, options?: CommitOptions<R>): Promise<R>
  /** Runs a step on a snapshot, with what is due applied, and writes nothing. */
  read<R>(wallet: string, step: Step<R>, options?: ReadOptions): Promise<R>
  /** The events of a wallet from a position on, at most so many. */
  events(wallet: string, from: number, limit: number): Promise<readonly EventRow[]>
}

interface Pending {
  readonly entry: Entry
  readonly deadline: number
  readonly undo: ((result: unknown) => Step<unknown> | undefined) | undefined
  /** Why the caller was told that nothing happened. */
  gaveUp: NornrError | undefined
  resolve(value: unknown): void
  reject(error: unknown): void
}

const largestBatch = 128

/** How often it is looked for texts whose time has come, milliseconds. */
const forgetEvery = 60_000
const forgetPause = 500

export function createEngine(options: EngineOptions): Engine {
  return new BatchingEngine(options)
}

class BatchingEngine implements Engine {
  readonly ledger: Ledger
  readonly #clock: () => number
  readonly #closeBatch: (close: () => void) => void
  readonly #patience: number
  #waiting: Pending[] = []
  #underWay: readonly Pending[] = []
  #draining = false
  #forgotAt = Number.NEGATIVE_INFINITY
  #watching = false

  constructor({ ledger, clock, closeBatch = onMicrotask, deadline = 10_000 }: EngineOptions) {
    this.ledger = ledger
    this.#clock = clock
    this.#closeBatch = closeBatch
    this.#patience = deadline
  }

  commit<R>(wallet: string, step: Step<R>, { signal, undo }: CommitOptions<R> = {}): Promise<R> {
    if (signal?.aborted) return Promise.reject(aborted(signal))
    return new Promise<R>((resolve, reject) => {
      const pending: Pending = {
        entry: { wallet, step: { ...step, work: (facts) => work(pending, step, facts) } },
        deadline: realNow() + this.#patience,
        undo: undo as Pending["undo"],
        gaveUp: undefined,
        resolve: resolve as (value: unknown) => void,
        reject,
      }
      if (signal !== undefined) followSignal(pending, signal)
      this.#waiting.push(pending)
      this.#start()
    })
  }

  async read<R>(wallet: string, step: Step<R>, { asStored = false }: ReadOptions = {}): Promise<R> {
    void this.#forget()
    const entries = [...(asStored ? [] : [{ wallet, step: expireStep() }]), { wallet, step }]
    const settled = await this.#ask(() => this.ledger.read(entries, this.#clock))
    const answer = settled.at(-1) as Settled
    if (answer.ok) return answer.value as R
    throw answer.error
  }

  events(wallet: string, from: number, limit: number): Promise<readonly EventRow[]> {
    return this.#ask(() => this.ledger.events(wallet, from, limit))
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (error) {
      throw ledgerFault(error)
    }
  }

  #start(): void {
    this.#watch()
    if (this.#draining) return
    this.#draining = true
    this.#closeBatch(() => void this.#drain())
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch()
      this.#underWay = batch
      await this.#commitBatch(batch)
      this.#underWay = []
      void this.#forget()
      await new Promise<void>((next) => this.#closeBatch(next))
    }
    this.#draining = false
  }

  /** Off the path of any decision; what fails now is tried again later. */
  async #forget(): Promise<void> {
    try {
      const now = this.#clock()
      if (Math.abs(now - this.#forgotAt) < forgetEvery) return
      this.#forgotAt = now
      await this.#forgetAll(now)
    } catch {
      // It stays due.
    }
  }

  /** Pass by pass: each holds up what waits for the ledger. */
  async #forgetAll(now: number): Promise<void> {
    if (!(await this.ledger.forget(now))) return
    const again = () => void this.#forgetAll(now).catch(() => undefined)
    afterRealTime(forgetPause, again, { idle: true })
  }

  /** A step that others' reads depend on goes alone; those before and after it keep their order. */
  #takeBatch(): readonly Pending[] {
    const alone = this.#waiting.findIndex(({ entry }) => entry.step.alone === true)
    const most = alone === 0 ? 1 : alone < 0 ? largestBatch : Math.min(alone, largestBatch)
    const batch = this.#waiting.slice(0, most)
    this.#waiting = this.#waiting.slice(most)
    return batch.filter(({ gaveUp }) => gaveUp === undefined)
  }

  async #commitBatch(batch: readonly Pending[]): Promise<void> {
    if (batch.length === 0) return
    const wallets = new Set(batch.map(({ entry }) => entry.wallet))
    const expiries = [...wallets].map((wallet) => ({ wallet, step: expireStep() }))
    const entries = [...expiries, ...batch.map(({ entry }) => entry)]
    try {
      const settled = await this.ledger.commit(entries, this.#clock)
      for (const [index, pending] of batch.entries()) {
        this.#deliver(pending, settled[expiries.length + index] as Settled)
      }
    } catch (error) {
      for (const { reject } of batch) reject(ledgerFault(error))
    }
  }

  #deliver(pending: Pending, settled: Settled): void {
    if (!settled.ok) return pending.reject(settled.error)
    if (pending.gaveUp === undefined) return pending.resolve(settled.value)
    const undo = pending.undo?.(settled.value)
    if (undo !== undefined) this.#withdraw(pending.entry.wallet, undo)
  }

  /**
   * Goes before all that waits, so that a retry that waits already does not find what is withdrawn. Where it
   * fails, the amount stays held: nothing runs and nothing is spent twice.
   */
  #withdraw(wallet: string, step: Step<unknown>): void {
    const deadline = realNow() + this.#patience
    const ignore = () => undefined
    const entry = { wallet, step }
    this.#waiting.unshift({
      entry,
      deadline,
      undo: undefined,
      gaveUp: undefined,
      resolve: ignore,
      reject: ignore,
    })
  }

  /** One lazy timer watches every deadline, to a tenth; it is let run out, since most commits are far quicker. */
  #watch(): void {
    if (this.#watching) return
    this.#watching = true
    const look = () => {
      this.#watching = false
      const all = [...this.#underWay, ...this.#waiting]
      for (const pending of all) if (realNow() >= pending.deadline) giveUp(pending, timedOut())
      if (all.some(({ gaveUp }) => gaveUp === undefined)) this.#watch()
    }
    afterRealTime(Math.max(1, this.#patience / 10), look, { idle: true })
  }
}

/** A few turns of the microtask queue, so that callers woken by one commit meet again in the next. */
function onMicrotask(close: () => void): void {
  onRealMicrotask(() => onRealMicrotask(() => onRealMicrotask(close)))
}

function work<R>(
  pending: Pending,
  step: Step<R>,
  facts: Parameters<Step<R>["work"]>[0],
): ReturnType<Step<R>["work"]> {
  if (pending.gaveUp !== undefined) throw pending.gaveUp
  return step.work(facts)
}

function followSignal(pending: Pending, signal: AbortSignal): void {
  const abort = () => giveUp(pending, aborted(signal))
  const { resolve, reject } = pending
  signal.addEventListener("abort", abort, { once: true })
  pending.resolve = (value) => {
    signal.removeEventListener("abort", abort)
    resolve(value)
  }
  pending.reject = (error) => {
    signal.removeEventListener("abort", abort)
    reject(error)
  }
}

/** The caller hears now that nothing happened; what is committed all the same is withdrawn. */
function giveUp(pending: Pending, error: NornrError): void {
  if (pending.gaveUp !== undefined) return
  pending.gaveUp = error
  pending.reject(error)
}

export function aborted(
  signal: AbortSignal,
  remedy = "Nothing is held for it; ask again if it is still wanted.",
): NornrError {
  return new NornrError("aborted", "The call was aborted.", {
    remedy,
    cause: signal.reason,
  })
}

function ledgerFault(cause: unknown): NornrError {
  if (NornrError.isInstance(cause)) return cause
  const said = cause instanceof Error ? cause.message : String(cause)
  const remedy = "Nothing was run; see to the ledger, then repeat the call."
  return new NornrError("ledger_unavailable", `The ledger failed (${said}).`, { remedy, cause })
}

function timedOut(): NornrError {
  const remedy = "Nothing was run; see what keeps the ledger busy, then repeat the call."
  return new NornrError("ledger_timeout", "The ledger did not commit in time.", { remedy })
}
