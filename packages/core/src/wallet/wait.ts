import { afterRealTime } from "../time/real-timer.ts"
import type { Connection } from "./session.ts"

/** Either what was waited for, or when to look again at the latest: milliseconds UTC. */
export type Look<T> = { readonly found: T } | { readonly found?: never; readonly at: number | undefined }

/** The clock may be set, or the machine sleep: it is looked at this often while something is due, milliseconds. */
const glance = 1000

/** What was due already and is still not there is not asked for without a pause, milliseconds. */
const pause = 20

/**
 * Looks now, after every commit here or in another process, and when the clock reaches what the last look named,
 * until there is something; undefined when the signal or the connection ends first.
 */
export async function waitFor<T>(
  connection: Connection,
  look: () => Promise<Look<T>>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const ends = [connection.closing.signal, ...(signal === undefined ? [] : [signal])]
  const bell = new Bell()
  const stops = [
    connection.engine.ledger.watch(bell.ring),
    connection.clockSource?.onChange?.(bell.ring),
    ...ends.map((each) => listen(each, bell.ring)),
  ]
  try {
    while (!ends.some(({ aborted }) => aborted)) {
      const rung = bell.next()
      const { found, at } = { at: undefined, ...(await look()) }
      if (found !== undefined) return found
      await rungOrDue(rung, connection.clock, at)
    }
    return undefined
  } finally {
    for (const stop of stops) stop?.()
  }
}

class Bell {
  #waiting: (() => void)[] = []

  readonly ring = (): void => {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }

  /** The next ring from now on. */
  next(): Promise<void> {
    return new Promise((wake) => void this.#waiting.push(wake))
  }
}

function listen(signal: AbortSignal, listener: () => void): () => void {
  signal.addEventListener("abort", listener)
  return () => signal.removeEventListener("abort", listener)
}

async function rungOrDue(rung: Promise<void>, clock: () => number, at: number | undefined): Promise<void> {
  let cancel = () => {}
  const { promise: due, resolve, reject } = Promise.withResolvers<void>()
  const sleep = () => {
    if (at === undefined) return
    try {
      const left = at - clock()
      cancel = afterRealTime(Math.min(Math.max(left, pause), glance), left <= 0 ? resolve : sleep)
    } catch (error) {
      reject(error)
    }
  }
  sleep()
  try {
    await Promise.race([rung, due])
  } finally {
    cancel()
  }
}
