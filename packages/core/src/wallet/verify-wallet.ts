import { walletNotFound } from "../engine/standing.ts"
import { NornrError } from "../error/nornr-error.ts"
import { fieldsOf } from "../input/fields.ts"
import type { EventRow, Ledger, Snapshot } from "../ledger/ledger.ts"
import { Chain, Receipts } from "../trail/chain.ts"
import { disclosureDigest } from "../trail/digest.ts"
import type { TrailEvent } from "../trail/event.ts"
import { eventsOfWallet } from "../trail/events-of.ts"
import { type Fault, Faults } from "../trail/fault.ts"
import { Replay, type Tables } from "../trail/replay.ts"
import { foundText } from "../trail/sealed.ts"
import { parseReceipts, type TrailReport, type VerifyOptions } from "../trail/verify.ts"

/**
 * Checks a wallet in its ledger: the chain, then whether the events rebuild exactly the decisions, counters and
 * mandates of the tables, all as of one commit.
 */
export async function verifyWallet(
  ledger: Ledger,
  wallet: string,
  options: VerifyOptions,
): Promise<TrailReport> {
  const fields = fieldsOf(options, { path: "", code: "invalid_option", allowed: ["receipts"] })
  const receipts = new Receipts(parseReceipts(fields))
  const snapshot = await ledger.snapshot()
  try {
    const faults = new Faults()
    const { events, head, last } = await verifyStored(snapshot, wallet, faults, { receipts })
    faults.addAll(receipts.missing(() => last))
    return faults.unsound() ?? { ok: true, events, head }
  } finally {
    await snapshot.close()
  }
}

interface Stored {
  readonly events: number
  readonly head: { readonly seq: number; readonly hash: string }
  /** The last position that its chain has. */
  readonly last: number
}

/**
 * Checks the chain of a wallet and, where that holds, its tables.
 * @throws {NornrError} `wallet_not_found`
 */
export async function verifyStored(
  snapshot: Snapshot,
  wallet: string,
  faults: Faults,
  { receipts, replays = true }: { readonly receipts: Receipts; readonly replays?: boolean },
): Promise<Stored> {
  const { wallet: row, mandates } = await snapshot.head(wallet)
  if (row === undefined) throw walletNotFound(wallet)
  const chain = new Chain()
  const replay = new Replay()
  const found = new Faults()
  try {
    for await (const event of eventsOfWallet(snapshot, wallet)) {
      if (event.seq > row.seq) {
        found.add(headFault(`ends before event ${event.seq}, which is there`))
        break
      }
      const read = readRow(event)
      if (read === undefined) {
        found.add(malformed(event))
        continue
      }
      found.addAll([...chain.next(read), ...receipts.met(read.event)])
      if (replays && !found.any) found.addAll(replayed(replay, read.event))
    }
    const { seq, hash } = row
    if (chain.last.seq !== seq || chain.last.hash !== hash) {
      found.add(headFault("is not the last event of its trail"))
    }
    if (replays && !found.any) {
      const tables = {
        wallet: row,
        mandates,
        spends: snapshot.spends(wallet),
        counters: await snapshot.counters(wallet),
      }
      await compareAll(replay, tables, found)
    }
    faults.join(found, { wallet })
    return { events: seq, head: { seq, hash }, last: chain.last.seq }
  } finally {
    replay.close()
  }
}

async function compareAll(replay: Replay, tables: Tables, found: Faults): Promise<void> {
  try {
    for await (const fault of replay.compare(tables)) found.add(fault)
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    found.add({
      kind: "malformed",
      subject: "",
      message: `The events are sealed, and do not add up to a wallet: ${said}`,
    })
  }
}

/** Whether the ledger says of itself that it is damaged. */
export function isDamage(error: unknown): error is NornrError {
  return NornrError.isInstance(error) && error.code === "ledger_corrupt"
}

function headFault(what: string): Fault {
  return { kind: "head_differs", subject: "", message: `The head of the wallet ${what}.` }
}

/** An event that is sealed, but says what no event says, cannot be replayed. */
function replayed(replay: Replay, event: TrailEvent): readonly Fault[] {
  try {
    replay.add(event)
    return []
  } catch {
    const { wallet, seq } = event
    return [{ kind: "malformed", wallet, seq, message: `Event ${seq} does not say what such an event says.` }]
  }
}

/** The event as the row has it; undefined where it is none, or of another place. */
function readRow({ wallet, seq, hash, body, remark }: EventRow): ReturnType<typeof foundText> {
  const found = foundText(body, hash)
  if (found === undefined || found.event.seq !== seq || found.event.wallet !== wallet) return undefined
  const isSaid = remark === undefined || isRemark(remark, found.event.data["remark"])
  return isSaid ? found : { ...found, seal: "edited" }
}

function isRemark({ salt, value }: NonNullable<EventRow["remark"]>, digest: unknown): boolean {
  const areTexts = typeof salt === "string" && typeof value === "string"
  return areTexts && disclosureDigest("remark", { salt, value }) === digest
}

function malformed({ wallet, seq }: EventRow): Fault {
  return { kind: "malformed", wallet, seq, message: `Event ${seq} is not an event.` }
}
