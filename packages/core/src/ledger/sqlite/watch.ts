import type { DatabaseSync } from "node:sqlite"
import { afterRealTime, onRealMicrotask } from "../../time/real-timer.ts"

const quickest = 50
const slowest = 1000

/**
 * Tells listeners of commits. Those of other connections are seen by SQLite's data_version, looked at every
 * 50 ms after a change and ever less often, up to a second, while nothing happens.
 */
export function watchDatabase(database: DatabaseSync): {
  /** This connection has committed. */
  changed(): void
  /** An idle listener does not keep the process alive. */
  add(listener: () => void, idle: boolean): () => void
  stop(): void
} {
  const listeners = new Map<() => void, { readonly idle: boolean }>()
  let seen: unknown
  const statement = database.prepare("PRAGMA data_version")
  const version = () => {
    try {
      return statement.get()?.["data_version"]
    } catch {
      return seen // locked for a moment: the next look sees what changed
    }
  }
  let wait = quickest
  let cancel: (() => void) | undefined

  const tell = () => {
    for (const listener of listeners.keys()) onRealMicrotask(listener)
  }
  const look = () => {
    const now = version()
    wait = now === seen ? Math.min(wait * 1.5, slowest) : quickest
    if (now !== seen) tell()
    seen = now
    sleep()
  }
  const sleep = () => {
    cancel?.()
    const idle = [...listeners.values()].every((listener) => listener.idle)
    cancel = afterRealTime(wait, look, { idle })
  }
  const stop = () => {
    cancel?.()
    cancel = undefined
  }

  return {
    changed: tell,
    add(listener, idle) {
      const own = () => listener()
      listeners.set(own, { idle })
      if (cancel === undefined) seen = version()
      wait = quickest
      sleep()
      return () => {
        listeners.delete(own)
        if (listeners.size === 0) stop()
        else sleep()
      }
    },
    stop() {
      stop()
      listeners.clear()
    },
  }
}
