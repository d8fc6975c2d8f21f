import { NornrError } from "../error/nornr-error.ts"
import { show } from "../input/show.ts"
import { type Clock, parseInstant } from "../time/clock.ts"
import { type Duration, parseDuration } from "../time/duration.ts"

/** A clock that only a test moves. Whoever waits for it is woken. */
export interface TestClock extends Clock {
  now(): Date
  /** ISO 8601 with a zone, or a Date; it can go back, too. */
  set(at: string | Date): void
  /** Milliseconds, or text such as `90s`, `15m`, `24h` or `7d`. */
  advance(by: Duration): void
  onChange(listener: () => void): () => void
}

/** @throws {NornrError} `invalid_option` */
export function testClock(at: string | Date): TestClock {
  let now = requireInstant(at)
  const listeners = new Set<() => void>()
  const move = (to: number) => {
    now = to
    for (const listener of [...listeners]) listener()
  }
  return {
    now: () => new Date(now),
    set: (to) => move(requireInstant(to)),
    advance: (by) => move(now + (typeof by === "number" && by >= 0 ? by : parseDuration(by, "by"))),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

function requireInstant(at: unknown): number {
  const ms = parseInstant(at)
  if (ms !== undefined) return ms
  const remedy = 'Use a Date, or ISO 8601 with a zone such as "2026-11-22T23:59:00Z".'
  throw new NornrError("invalid_option", `at is ${show(at)}.`, { remedy })
}
