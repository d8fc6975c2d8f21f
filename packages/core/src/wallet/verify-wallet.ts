import type { Engine } from "../engine/engine.ts"
import { standingOf } from "../engine/standing.ts"
import type { Step } from "../ledger/ledger.ts"
import { openEvent, type TrailEvent } from "../trail/event.ts"
import { Replay, type TableFault, type Tables, tablesOf } from "../trail/replay.ts"
import { type TrailReport, type VerifyOptions, verifyTrail } from "../trail/verify.ts"

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
  const entry = { wallet, step: tablesStep() }
  const [answer] = await engine.ledger.read([entry], Date.now)
  if (!answer?.ok) throw answer?.error
  const tables = answer.value as Tables
  const replay = new Replay()
  const report = await verifyTrail(readAll(engine, tables.wallet, replay), options)
  if (!report.ok) return report
  if (report.head.hash !== tables.wallet.hash) {
    const message = "The head of the wallet is not the last event of its trail."
    return { ok: false, kind: "head_differs", subject: "", message }
  }
  return replay.compare(tables) ?? report
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
    const rows = await engine.ledger.events(id, next, Math.min(page, seq - next + 1))
    for (const row of rows) {
      const event = openEvent(row)
      yield event
      replay.add(event)
    }
    if (rows.length === 0) return
    next = (rows.at(-1)?.seq ?? seq) + 1
  }
}
