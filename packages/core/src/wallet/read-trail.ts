import type { Engine } from "../engine/engine.ts"
import { asName, fieldsOf } from "../input/fields.ts"
import { parseInstant } from "../time/clock.ts"
import { openEvent, type TrailEvent } from "../trail/event.ts"

/** Which events to read; all given fields must match. Wallet events have neither thread nor agent. */
export interface TrailQuery {
  readonly thread?: string | undefined
  readonly agent?: string | undefined
  /** ISO 8601 with a zone, or a Date: events at or after it. */
  readonly since?: string | Date | undefined
  /** Events from this position on. */
  readonly from?: number | undefined
  /** At most so many positions, counted from the end. */
  readonly last?: number | undefined
}

const page = 500

interface ParsedQuery {
  readonly thread: string | undefined
  readonly agent: string | undefined
  readonly since: number | undefined
  readonly from: number | undefined
  readonly last: number | undefined
}

/** @throws {NornrError} `invalid_option` */
export function parseQuery(input: unknown): ParsedQuery {
  const allowed = ["thread", "agent", "since", "from", "last"]
  const fields = fieldsOf(input, { path: "", code: "invalid_option", allowed })
  const since = fields.get("since")
  const instant = parseInstant(since)
  if (since !== undefined && instant === undefined) {
    fields.refuse("since", since, 'Use a Date, or ISO 8601 with a zone such as "2026-11-22T00:00:00Z".')
  }
  return {
    thread: fields.text("thread", 256),
    agent: asName(fields.text("agent", 256)),
    since: instant,
    from: fields.integer("from", 1, Number.MAX_SAFE_INTEGER),
    last: fields.integer("last", 1, Number.MAX_SAFE_INTEGER),
  }
}

/** Reads the events of a wallet in order, page by page. */
export async function* readTrail(
  engine: Engine,
  wallet: string,
  query: ParsedQuery,
): AsyncGenerator<TrailEvent, void, undefined> {
  const matches = matcher(engine, wallet, query)
  const starts = [
    query.from ?? 1,
    query.since === undefined ? 1 : await firstSince(engine, wallet, query.since),
    query.last === undefined ? 1 : (await lastSeq(engine, wallet)) - query.last + 1,
  ]
  let next = Math.max(...starts)
  for (;;) {
    const rows = await engine.events(wallet, next, page)
    for (const row of rows) {
      const event = openEvent(row)
      if (await matches(event)) yield event
    }
    if (rows.length < page) return
    next += rows.length
  }
}

function lastSeq(engine: Engine, wallet: string): Promise<number> {
  return engine.read(wallet, { reads: () => ({}), work: ({ head }) => ({ result: head.wallet?.seq ?? 0 }) })
}

/** Bisects for the first position at or after a time: times never run backwards in a wallet. */
async function firstSince(engine: Engine, wallet: string, since: number): Promise<number> {
  const timeAt = async (seq: number) => {
    const [row] = await engine.events(wallet, seq, 1)
    return row === undefined ? Number.POSITIVE_INFINITY : Date.parse(openEvent(row).at)
  }
  let low = 0
  let high = 1
  while ((await timeAt(high)) < since) {
    low = high
    high *= 2
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if ((await timeAt(middle)) < since) low = middle
    else high = middle
  }
  return high
}

type Matcher = (event: TrailEvent) => boolean | Promise<boolean>

/** An event of a spend belongs to the thread and agent of its decision. */
function matcher(engine: Engine, wallet: string, { thread, agent }: ParsedQuery): Matcher {
  if (thread === undefined && agent === undefined) return () => true
  const known = new Map<string, boolean>()
  const fits = (run: { readonly thread?: unknown; readonly agent?: unknown }) =>
    (thread === undefined || run.thread === thread) && (agent === undefined || run.agent === agent)
  const lookUp = (id: string) =>
    engine.read(wallet, {
      reads: () => ({ ids: [id] }),
      work: (facts) => ({ result: fits(facts.spend(id)?.run ?? {}) }),
    })
  return async ({ type, data }) => {
    const id = data["decision"]
    if (typeof id !== "string") return agent !== undefined && thread === undefined && data["agent"] === agent
    if (type === "decision.made") known.set(id, fits(data))
    const fit = known.get(id) ?? (await lookUp(id))
    known.set(id, fit)
    return fit
  }
}
