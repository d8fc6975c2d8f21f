import type { NornrError } from "../error/nornr-error.ts"
import { warn } from "../govern/warn.ts"
import { atEdge } from "../input/at-edge.ts"
import { type Fields, fieldsOf } from "../input/fields.ts"
import type { Ledger } from "../ledger/ledger.ts"
import { openLedger, type Place } from "../ledger/open-ledger.ts"
import { afterRealTime, onRealMicrotask, realNow } from "../time/real-timer.ts"
import { readCheckpointKey } from "./key-file.ts"
import { makeCheckpoint, type Signing } from "./sign.ts"
import { type CheckpointTarget, parseTargets } from "./targets.ts"

/** Which ledger, who signs it, how often, and where checkpoints are told. */
export type PublishOptions = Place & {
  /** The private key: its file, or its text. */
  readonly key: string
  /** Where checkpoints go; each is kept in the ledger, too. */
  readonly to: readonly CheckpointTarget[]
  /** At most this many events without one: 1000 by default. */
  readonly everyEvents?: number | undefined
  /** At most this long with new events and without one: 60 seconds by default. */
  readonly everySeconds?: number | undefined
  /** Told of each that could not be made or told; left out, a process warning. It is tried again. */
  readonly onError?: ((error: NornrError) => void) | undefined
}

/** Checkpoints that are being published; it does not keep the process alive. */
export interface Publishing {
  /** Makes the last one, tells it, and lets go of the ledger. Throws as `publishCheckpoints`. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** How often it is looked for new events, and how soon what failed is tried again, milliseconds. */
const look = 1000
const again = 10_000

/**
 * Signs the tree over all events, out of the way of any decision, at the start and whenever there are so many new
 * events or they are so old. After a crash it goes on where it was.
 * @throws {NornrError} `invalid_option`, `ledger_rolled_back`, `target_failed`, `ledger_*` for the first one
 */
export async function publishCheckpoints(options: PublishOptions): Promise<Publishing> {
  const allowed = ["ledger", "baseUrl", "key", "to", "everyEvents", "everySeconds", "onError"]
  const parsed = atEdge("The options", "invalid_option", () => {
    const fields = fieldsOf(options, { path: "", code: "invalid_option", allowed })
    return {
      to: parseTargets(fields.get("to")),
      everyEvents: fields.integer("everyEvents", 1, 1_000_000) ?? 1000,
      everyMs: 1000 * (fields.integer("everySeconds", 1, 86_400) ?? 60),
      onError: parseListener(fields),
    }
  })
  const key = await readCheckpointKey(options.key)
  const opened = await openLedger(options, { mayCreate: false })
  try {
    const publisher = new Publisher(opened.ledger, { key, to: parsed.to }, parsed)
    await publisher.publish()
    const stop = publisher.start()
    let closing: Promise<void> | undefined
    const end = async () => {
      stop()
      try {
        await publisher.publish()
      } finally {
        await opened.release()
      }
    }
    const close = () => {
      closing ??= end()
      return closing
    }
    return { close, [Symbol.asyncDispose]: close }
  } catch (error) {
    await opened.release()
    throw error
  }
}

/** @throws {NornrError} `invalid_option` */
function parseListener(fields: Fields): (error: NornrError) => void {
  const onError = fields.get("onError") ?? ((error: NornrError) => warn(error.code, error.message))
  if (typeof onError !== "function") return fields.refuse("onError", onError, "Pass a function.")
  return onError as (error: NornrError) => void
}

interface Pace {
  readonly everyEvents: number
  readonly everyMs: number
  readonly onError: (error: NornrError) => void
}

class Publisher {
  readonly #ledger: Ledger
  readonly #signing: Signing
  readonly #pace: Pace
  #size = 0
  #waitsSince: number | undefined
  #retryAt: number | undefined
  #isStopped = false
  #running: Promise<void> = Promise.resolve()

  constructor(ledger: Ledger, signing: Signing, pace: Pace) {
    this.#ledger = ledger
    this.#signing = signing
    this.#pace = pace
  }

  /** One after another, whoever asks. */
  publish(): Promise<void> {
    const next = this.#running.then(() => this.#publish())
    this.#running = next.catch(() => undefined)
    return next
  }

  async #publish(): Promise<void> {
    this.#retryAt = realNow() + again
    const { size } = await makeCheckpoint(this.#ledger, this.#signing, Date.now())
    this.#size = size
    this.#waitsSince = undefined
    this.#retryAt = undefined
  }

  start(): () => void {
    let cancel = () => {}
    const sleep = () => {
      if (!this.#isStopped)
        cancel = afterRealTime(look, () => void this.#look().finally(sleep), { idle: true })
    }
    sleep()
    return () => {
      this.#isStopped = true
      cancel()
    }
  }

  async #look(): Promise<void> {
    try {
      const grown = (await countEvents(this.#ledger)) - this.#size
      if (grown > 0) this.#waitsSince ??= realNow()
      const waited = this.#waitsSince === undefined ? 0 : realNow() - this.#waitsSince
      const isDue = grown >= this.#pace.everyEvents || (grown > 0 && waited >= this.#pace.everyMs)
      const isAgain = this.#retryAt !== undefined && realNow() >= this.#retryAt
      if (isAgain || (isDue && this.#retryAt === undefined)) await this.publish()
    } catch (error) {
      if (!this.#isStopped) this.#complain(error as NornrError)
    }
  }

  /** What the listener throws is its own fault, and publishing goes on. */
  #complain(error: NornrError): void {
    try {
      this.#pace.onError(error)
    } catch (thrown) {
      onRealMicrotask(() => {
        throw thrown
      })
    }
  }
}

async function countEvents(ledger: Ledger): Promise<number> {
  const snapshot = await ledger.snapshot()
  try {
    const behind = await snapshot.unlogged(Number.MAX_SAFE_INTEGER)
    return behind.reduce((sum, { count }) => sum + count, await snapshot.treeSize())
  } finally {
    await snapshot.close()
  }
}
