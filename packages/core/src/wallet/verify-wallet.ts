import type { Engine } from "../engine/engine.ts"
import { standingOf } from "../engine/standing.ts"
import type { EventRow, Step } from "../ledger/ledger.ts"
import { canonicalJson } from "../trail/canonical.ts"
import { disclosureDigest } from "../trail/digest.ts"
import { openEvent, type TrailEvent } from "../trail/event.ts"
import { Replay, type TableFault, type Tables, tablesOf } from "../trail/replay.ts"
import { type TrailReport, type VerifyOptions, verifyTrail } from "../trail/verify.ts"

/** Sound, or the first thing found that is not: in the trail by its position, in a table by its subject. */
export type WalletReport = TrailReport | TableFault

const page = 1000

/**
 * Checks a wallet in its ledger: the chain, then whether the events rebuild exactly the decisions, counters and
 * mandates of the tables, all as of one snapshot.
 */
export async function verifyWallet(
  engine: Engine,
  wallet: string,
  options: VerifyOptions,
): Promise<WalletReport> {
  const tables = await engine.read(wallet, tablesStep(), { asStored: true })
  const replay = new Replay()
  const report = await verifyTrail(readAll(engine, tables.wallet, replay), options)
  if (!report.ok) return report
  const { seq, hash } = tables.wallet
  if (report.head.hash !== hash || report.head.seq !== seq)
    return headFault("is not the last event of its trail")
  if (await hasMoreThanHead(engine, tables.wallet)) return headFault("is not the last event of its trail")
  return replay.compare(tables) ?? report
}

function headFault(what: string): TableFault {
  return { ok: false, kind: "head_differs", subject: "", message: `The head of the wallet ${what}.` }
}

/** Whether there are events behind the head that no commit since has put there. */
async function hasMoreThanHead(engine: Engine, { id, seq }: Tables["wallet"]): Promise<boolean> {
  const [next] = await engine.events(id, seq + 1, 1)
  if (next === undefined) return false
  const now = await engine.read(id, {
    reads: () => ({}),
    work: ({ head }) => ({ result: standingOf(head, undefined).wallet.seq }),
  })
  return now <= seq
}

function tablesStep(): Step<Tables> {
  return {
    reads: () => ({ history: true, prefixes: [""] }),
    work(facts) {
      return { result: tablesOf(facts, standingOf(facts.head, undefined).wallet) }
    },
  }
}

async function* readAll(
  engine: Engine,
  { id, seq }: Tables["wallet"],
  replay: Replay,
): AsyncGenerator<TrailEvent> {
  for (let next = 1; next <= seq; ) {
    const rows = await engine.events(id, next, Math.min(page, seq - next + 1))
    for (const row of rows) {
      const event = storedEvent(row)
      yield event
      replay.add(event)
    }
    if (rows.length === 0) return
    next = (rows.at(-1)?.seq ?? seq) + 1
  }
}

/** The event as the row has it; one whose text is not canonical has no valid hash. */
function storedEvent(row: EventRow): TrailEvent {
  try {
    const { hash, remark: _apart, ...event } = openEvent(row)
    const isSealed = canonicalJson(event, "event") === row.body && row.seq === event.seq
    const isSaid = row.remark === undefined || disclosureDigest("remark", row.remark) === event.data["remark"]
    return { ...event, hash: isSealed && isSaid ? hash : "" }
  } catch {
    return { seq: row.seq } as TrailEvent
  }
}
