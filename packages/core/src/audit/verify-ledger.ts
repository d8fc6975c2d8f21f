import type { Snapshot } from "../ledger/ledger.ts"
import { equalBytes } from "../trail/bytes.ts"
import type { Receipts } from "../trail/chain.ts"
import { type Fault, Faults, type Unsound } from "../trail/fault.ts"
import { emptyRoot, Frontier, rootOf } from "../trail/merkle.ts"
import type { PinnedKey } from "../trail/note.ts"
import { type CheckedNote, checkNote } from "../trail/pinned.ts"
import { eventsInTree, leafOf, subtreesOf } from "../trail/tree.ts"
import type { Covered } from "../trail/verify-export.ts"
import { verifyStored } from "../wallet/verify-wallet.ts"

/** What a ledger is checked against, and how far. */
export interface LedgerChecks {
  readonly owners: readonly string[]
  readonly keys: readonly PinnedKey[]
  readonly checkpoints: readonly string[]
  readonly receipts: Receipts
  readonly tree: boolean
  readonly replay: boolean
}

/** What verification found in a ledger. */
export type LedgerReport =
  | {
      readonly ok: true
      readonly wallets: number
      readonly events: number
      /** Up to where a pinned key has signed. */
      readonly covered?: Covered
      /** Events behind that: that they were rewritten or cut would show against nothing. */
      readonly uncovered: number
    }
  | (Unsound & { readonly wallets: number; readonly events: number })

/** Checks wallets, and the tree over all events with the checkpoints signed for it, all as of one commit. */
export async function verifyLedger(snapshot: Snapshot, checks: LedgerChecks): Promise<LedgerReport> {
  const faults = new Faults()
  const ends = new Map<string, number>()
  let events = 0
  for (const owner of checks.owners) {
    const { receipts, replay: replays } = checks
    const stored = await verifyStored(snapshot, owner, faults, { receipts, replays })
    ends.set(owner, stored.last)
    events += stored.events
  }
  faults.add(...checks.receipts.missing((wallet) => ends.get(wallet) ?? 0))
  const covered = checks.tree ? await verifyTree(snapshot, checks, faults) : undefined
  const counts = { wallets: checks.owners.length, events }
  const unsound = faults.unsound()
  if (unsound !== undefined) return { ...unsound, ...counts }
  const uncovered = Math.max(0, events - (covered?.size ?? 0))
  return { ok: true, ...counts, ...(covered === undefined ? {} : { covered }), uncovered }
}

interface Noted {
  readonly where: string
  readonly note: CheckedNote
}

async function verifyTree(
  snapshot: Snapshot,
  { keys, checkpoints }: LedgerChecks,
  faults: Faults,
): Promise<Covered | undefined> {
  const kept = await snapshot.checkpoints(1)
  const notes: Noted[] = []
  for (const note of checkpoints) notes.push({ where: "that was given", note: await checkNote(note, keys) })
  for (const { note } of kept) notes.push({ where: "in the ledger", note: await checkNote(note, keys) })
  const size = await snapshot.treeSize()
  const roots = new Map(
    notes.flatMap(({ note }) => (note.checkpoint === undefined ? [] : [[note.checkpoint.size, emptyRoot()]])),
  )
  faults.add(...(await buildTree(snapshot, size, roots)))
  let covered: Covered | undefined
  for (const { where, note } of notes) {
    const fault = noteFault(where, note, { size, roots })
    if (fault !== undefined) faults.add(fault)
    else if (note.isSigned === true && note.checkpoint.size >= (covered?.size ?? 0)) {
      covered = { origin: note.checkpoint.origin, size: note.checkpoint.size }
    }
  }
  return covered
}

/** Computes the tree anew from the events, notes its roots at the sizes asked for, and compares it with the stored one. */
async function buildTree(
  snapshot: Snapshot,
  size: number,
  roots: Map<number, Uint8Array>,
): Promise<readonly Fault[]> {
  const frontier = new Frontier()
  const next = new Map<string, number>()
  for await (const event of eventsInTree(snapshot, size)) {
    const expected = next.get(event.wallet) ?? 1
    if (event.seq !== expected)
      return [treeFault(`has event ${event.seq} of wallet ${event.wallet} where ${expected} belongs`)]
    next.set(event.wallet, expected + 1)
    frontier.add(leafOf(event))
    if (roots.has(frontier.size)) roots.set(frontier.size, frontier.root())
  }
  if (frontier.size !== size)
    return [treeFault(`has ${size} leaves, and there are ${frontier.size} events for them`)]
  try {
    const stored = await rootOf(subtreesOf(snapshot), 0, size)
    return equalBytes(stored, frontier.root()) ? [] : [treeFault("is not the tree of the events")]
  } catch {
    return [treeFault("is damaged")]
  }
}

function treeFault(what: string): Fault {
  return { kind: "tree_differs", subject: "", message: `The stored tree ${what}.` }
}

function noteFault(
  where: string,
  { checkpoint, fault }: CheckedNote,
  { size, roots }: { readonly size: number; readonly roots: ReadonlyMap<number, Uint8Array> },
): Fault | undefined {
  if (fault !== undefined) return { ...fault, message: `${fault.message} It is the one ${where}.` }
  if (checkpoint.size > size) {
    const message = `The checkpoint ${where} covers ${checkpoint.size} events, but the ledger has ${size} in its tree: an old copy was restored, or the tail was cut.`
    return { kind: "rolled_back", message }
  }
  if (equalBytes(roots.get(checkpoint.size) ?? emptyRoot(), checkpoint.root)) return undefined
  const message = `The checkpoint ${where} was signed for ${checkpoint.size} other events: the ledger was rewritten.`
  return { kind: "root_differs", message }
}
