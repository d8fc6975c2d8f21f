import type { Snapshot } from "../ledger/ledger.ts"
import { equalBytes } from "../trail/bytes.ts"
import type { Receipts } from "../trail/chain.ts"
import { type Fault, Faults, type Unsound } from "../trail/fault.ts"
import type { PinnedKey } from "../trail/note.ts"
import { type CheckedNote, checkNote, uncoveredText } from "../trail/pinned.ts"
import { anchorOf, recomputeTree } from "../trail/tree.ts"
import type { Covered } from "../trail/verify-export.ts"
import { isDamage, verifyStored } from "../wallet/verify-wallet.ts"

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
export type LedgerReport = ({ readonly ok: true } | Unsound) & {
  readonly wallets: number
  readonly events: number
  /** Up to where a pinned key has signed. */
  readonly covered?: Covered
  /** Events of these wallets behind that: that they were rewritten or cut would show against nothing. */
  readonly uncovered: number
}

/** Checks wallets, and the tree over all events with the checkpoints signed for it, all as of one commit. */
export async function verifyLedger(snapshot: Snapshot, checks: LedgerChecks): Promise<LedgerReport> {
  const faults = new Faults()
  const ends = new Map<string, number>()
  let events = 0
  for (const owner of checks.owners) {
    const { receipts, replay: replays } = checks
    try {
      const stored = await verifyStored(snapshot, owner, faults, { receipts, replays })
      ends.set(owner, stored.last)
      events += stored.events
    } catch (error) {
      if (!isDamage(error)) throw error
      faults.add({ kind: "malformed", wallet: owner, subject: "", message: error.message })
    }
  }
  faults.addAll(checks.receipts.missing((wallet) => ends.get(wallet) ?? 0))
  const covered = checks.tree ? await verifyTree(snapshot, checks, faults) : undefined
  let uncovered = 0
  for (const [owner, last] of ends) {
    const anchor = covered && (await anchorOf(snapshot, owner, covered.size))
    uncovered += Math.max(0, last - (anchor?.seq ?? 0))
  }
  const counts = {
    wallets: checks.owners.length,
    events,
    ...(covered === undefined ? {} : { covered }),
    uncovered,
  }
  return { ...(faults.unsound() ?? { ok: true }), ...counts }
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
  const kept = await snapshot.checkpoint()
  const notes: Noted[] = []
  for (const note of checkpoints) notes.push({ where: "that was given", note: await checkNote(note, keys) })
  if (kept !== undefined) {
    const note = await checkNote(kept.note, keys)
    notes.push({ where: "in the ledger", note })
    const message = "The checkpoint in the ledger is not of the size that stands beside it."
    if (note.fault === undefined && note.checkpoint.size !== kept.size)
      faults.add({ kind: "tree_differs", subject: "", message })
  }
  const size = await snapshot.treeSize()
  const sizes = new Set(
    notes.flatMap(({ note }) => (note.checkpoint === undefined ? [] : [note.checkpoint.size])),
  )
  const roots = await rootsOf(snapshot, sizes, faults)
  let covered: Covered | undefined
  for (const { where, note } of notes) {
    const fault = noteFault(where, note, { size, roots })
    if (fault !== undefined) faults.add(fault)
    else if (note.isSigned === true && roots !== undefined && note.checkpoint.size >= (covered?.size ?? 0)) {
      covered = { origin: note.checkpoint.origin, size: note.checkpoint.size }
    }
  }
  if (keys.length > 0 && notes.length === 0) faults.add({ kind: "uncovered", message: uncoveredText })
  return covered
}

/** The roots of the tree of the events; a stored tree that is another is a fault. Undefined where it has none. */
async function rootsOf(
  snapshot: Snapshot,
  sizes: ReadonlySet<number>,
  faults: Faults,
): Promise<ReadonlyMap<number, Uint8Array> | undefined> {
  try {
    const { roots, isStored } = await recomputeTree(snapshot, sizes)
    const message = "The stored tree is not the tree of the events."
    if (!isStored) faults.add({ kind: "tree_differs", subject: "", message })
    return roots
  } catch (error) {
    if (!isDamage(error)) throw error
    faults.add({ kind: "tree_differs", subject: "", message: error.message })
    return undefined
  }
}

function noteFault(
  where: string,
  { checkpoint, fault }: CheckedNote,
  { size, roots }: { readonly size: number; readonly roots: ReadonlyMap<number, Uint8Array> | undefined },
): Fault | undefined {
  if (fault !== undefined) return { ...fault, message: `${fault.message} It is the one ${where}.` }
  if (checkpoint.size > size) {
    const message = `The checkpoint ${where} covers ${checkpoint.size} events, but the ledger has ${size} in its tree: an old copy was restored, or the tail was cut.`
    return { kind: "rolled_back", message }
  }
  if (roots === undefined) return undefined
  const root = roots.get(checkpoint.size)
  if (root !== undefined && equalBytes(root, checkpoint.root)) return undefined
  const message = `The checkpoint ${where} was signed for ${checkpoint.size} other events: the ledger was rewritten.`
  return { kind: "root_differs", message }
}
