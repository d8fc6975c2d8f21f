import { NornrError } from "../error/nornr-error.ts"
import type { CheckpointRow, Ledger, Snapshot } from "../ledger/ledger.ts"
import { equalBytes } from "../trail/bytes.ts"
import { emptyRoot, rootOf } from "../trail/merkle.ts"
import { type CheckpointKey, parseCheckpoint, signCheckpoint } from "../trail/note.ts"
import { growTree, subtreesOf } from "../trail/tree.ts"
import { type CheckpointTarget, lastOf, publish } from "./targets.ts"

/** Who signs, and where it is told. */
export interface Signing {
  readonly key: CheckpointKey
  readonly to: readonly CheckpointTarget[]
}

/**
 * Puts all events into the tree, signs it, keeps the checkpoint and tells it outside.
 * @throws {NornrError} `ledger_rolled_back` where the ledger is not what was signed before, here or outside;
 * `target_failed` where a target could not be read or told: the others were, and the checkpoint is kept; `ledger_*`
 */
export async function makeCheckpoint(
  ledger: Ledger,
  { key, to }: Signing,
  now: number,
): Promise<CheckpointRow> {
  const outside = await Promise.allSettled(to.map(lastOf))
  const notes = outside.map((each) => (each.status === "fulfilled" ? each.value : undefined))
  await growTree(ledger)
  const checkpoint = await signTree(ledger, key, notes, now)
  // What cannot be read is not written over: it may hold what this ledger has lost.
  const readable = to.filter((_, index) => outside[index]?.status === "fulfilled")
  throwFirst([...outside, ...(await tellAll(readable, ledger, checkpoint))])
  return checkpoint
}

/** Nobody outside is waited for while the ledger is read: a snapshot keeps its log from being wiped. */
async function signTree(
  ledger: Ledger,
  key: CheckpointKey,
  outside: readonly (string | undefined)[],
  now: number,
): Promise<CheckpointRow> {
  const snapshot = await ledger.snapshot()
  try {
    const size = await snapshot.treeSize()
    const kept = await snapshot.checkpoint()
    for (const note of [kept?.note, ...outside]) await requireGrown(snapshot, size, note)
    const root = await rootOf(subtreesOf(snapshot), 0, size)
    const note = signCheckpoint(key, { size, root })
    if (kept?.note === note) return kept
    await ledger.keepCheckpoint({ size, note, at: now })
    return { size, note, at: now }
  } finally {
    await snapshot.close()
  }
}

/** Another process may have told a newer one meanwhile, which must stay the last. */
async function tellAll(
  to: readonly CheckpointTarget[],
  ledger: Ledger,
  { note, size }: CheckpointRow,
): Promise<readonly PromiseSettledResult<void>[]> {
  const told = await Promise.allSettled(to.map((target) => publish(target, note, size)))
  const kept = to.length === 0 ? undefined : await keptBy(ledger)
  return kept === undefined || kept.size <= size ? told : tellAll(to, ledger, kept)
}

async function keptBy(ledger: Ledger): Promise<CheckpointRow | undefined> {
  const snapshot = await ledger.snapshot()
  try {
    return await snapshot.checkpoint()
  } finally {
    await snapshot.close()
  }
}

function throwFirst(results: readonly PromiseSettledResult<unknown>[]): void {
  for (const each of results) if (each.status === "rejected") throw each.reason
}

/**
 * What was signed before must be the beginning of what is signed now, whoever signed it: the key may have been replaced,
 * and no other ledger's checkpoint is written over.
 */
async function requireGrown(snapshot: Snapshot, size: number, note: string | undefined): Promise<void> {
  const before = parseCheckpoint(note)
  if (before === undefined) return
  if (before.size > size) throw rolledBack(`covers ${before.size} events, and the ledger has ${size}`)
  const root = before.size === 0 ? emptyRoot() : await rootOf(subtreesOf(snapshot), 0, before.size)
  if (!equalBytes(root, before.root)) throw rolledBack("was signed for other events than the ledger has")
}

function rolledBack(what: string): NornrError {
  const problem = `An earlier checkpoint ${what}: the ledger was rolled back or rewritten, or it is another one.`
  const remedy =
    "Sign nothing; run `nornr verify --checkpoint` with that checkpoint, and find the right ledger."
  return new NornrError("ledger_rolled_back", problem, { remedy })
}
