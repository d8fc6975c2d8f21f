import type { EventRow, Snapshot } from "../ledger/ledger.ts"
import type { Spend } from "../spend/spend.ts"
import { othersTurn } from "../time/real-timer.ts"
import { openEvent, type TrailEvent } from "./event.ts"

const page = 500

/**
 * All events of a decision, by position: each names the one before it, so that they are found at once in a trail of
 * any length.
 */
export async function eventsOfSpend(
  snapshot: Pick<Snapshot, "events">,
  wallet: string,
  { id, receipt }: Pick<Spend, "id" | "receipt">,
): Promise<readonly EventRow[]> {
  const found: EventRow[] = []
  if (!Number.isSafeInteger(receipt?.seq)) return scan(snapshot, wallet, id)
  for (let next = receipt.seq; ; ) {
    const [row, behind] = await snapshot.events(wallet, next, 2)
    const event = row?.seq === next ? openEvent(row) : undefined
    if (row === undefined || event?.data["decision"] !== id) return scan(snapshot, wallet, id)
    if (behind !== undefined && isOverage(openEvent(behind), id)) found.unshift(behind)
    found.unshift(row)
    if (event.type === "decision.made") return found
    const before = event.data["after"]
    if (typeof before !== "number" || before >= next) return scan(snapshot, wallet, id)
    next = before
  }
}

function isOverage({ type, data }: TrailEvent, decision: string): boolean {
  return type === "spend.overage" && data["decision"] === decision
}

/** Of a trail whose events do not name the one before them. */
async function scan(
  snapshot: Pick<Snapshot, "events">,
  wallet: string,
  id: string,
): Promise<readonly EventRow[]> {
  const found: EventRow[] = []
  for await (const row of eventsOfWallet(snapshot, wallet))
    if (openEvent(row).data["decision"] === id) found.push(row)
  return found
}

/** All events of a wallet, by position; others have their turn meanwhile. */
export async function* eventsOfWallet(
  snapshot: Pick<Snapshot, "events">,
  wallet: string,
): AsyncGenerator<EventRow> {
  for (let next = 1; ; ) {
    const rows = await snapshot.events(wallet, next, page)
    yield* rows
    if (rows.length < page) return
    next = (rows.at(-1)?.seq ?? next) + 1
    await othersTurn()
  }
}

/** The event that set a version of a mandate; most are set when the wallet is made. */
export async function findMandate(
  snapshot: Pick<Snapshot, "events">,
  wallet: string,
  mandate: {
    readonly before: number
    readonly version: number
    readonly hash: string
    readonly agent?: string
  },
): Promise<EventRow | undefined> {
  const isIt = ({ body }: EventRow) => {
    if (!body.includes(mandate.hash)) return false
    const { type, data } = openEvent({ wallet, seq: 0, hash: "", body })
    const isMandate = type === "wallet.created" || type === "mandate.amended"
    return isMandate && data["version"] === mandate.version && data["agent"] === mandate.agent
  }
  for (let from = 1, end = mandate.before; from < end; ) {
    const first = (await snapshot.events(wallet, from, Math.min(page, end - from))).find(isIt)
    if (first !== undefined) return first
    from += page
    if (from >= end) return undefined
    const start = Math.max(from, end - page)
    const last = (await snapshot.events(wallet, start, end - start)).findLast(isIt)
    if (last !== undefined) return last
    end = start
  }
  return undefined
}
