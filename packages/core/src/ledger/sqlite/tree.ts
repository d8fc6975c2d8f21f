import type { DatabaseSync } from "node:sqlite"
import type { CheckpointRow, LeafRun, TreeGrowth } from "../ledger.ts"

/** The tables of the tree over all events, on one connection, synchronous. */
export interface SqliteTree {
  size(): number
  runs(from: number, limit: number): readonly LeafRun[]
  runOf(wallet: string, seq: number): LeafRun | undefined
  unlogged(limit: number): readonly Omit<LeafRun, "first">[]
  tile(level: number, index: number): Uint8Array
  checkpoint(): CheckpointRow | undefined
  grow(size: number, growth: TreeGrowth): boolean
  keepCheckpoint(checkpoint: CheckpointRow): void
}

const run = "SELECT first, id AS wallet, tree_run.seq, count FROM tree_run JOIN wallet ON no = wallet"

export function sqliteTree(database: DatabaseSync): SqliteTree {
  const size = database.prepare("SELECT coalesce(max(first + count), 0) AS size FROM tree_run")
  const runs = database.prepare(
    `${run} WHERE first >= (SELECT coalesce(max(first), 0) FROM tree_run WHERE first <= ?) ORDER BY first LIMIT ?`,
  )
  const runOf = database.prepare(
    `${run} WHERE id = ?1 AND tree_run.seq <= ?2 AND tree_run.seq + count > ?2 ORDER BY tree_run.seq DESC LIMIT 1`,
  )
  const unlogged = database.prepare(
    `SELECT wallet, logged + 1 AS seq, seq - logged AS count FROM (SELECT no, id AS wallet, seq, coalesce(
      (SELECT seq + count - 1 FROM tree_run WHERE tree_run.wallet = no ORDER BY tree_run.seq DESC LIMIT 1), 0) AS logged
      FROM wallet) WHERE seq > logged ORDER BY no LIMIT ?`,
  )
  const tile = database.prepare("SELECT hashes FROM tree_tile WHERE level = ? AND place = ?")
  const checkpoint = database.prepare("SELECT size, note, at FROM checkpoint ORDER BY size DESC LIMIT 1")
  const dropCheckpoints = database.prepare("DELETE FROM checkpoint WHERE size <= ?")
  const addRun = database.prepare(
    "INSERT INTO tree_run (first, wallet, seq, count) SELECT ?, no, ?, ? FROM wallet WHERE id = ?",
  )
  const setTile = database.prepare(
    "INSERT INTO tree_tile (level, place, hashes) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET hashes = excluded.hashes",
  )
  const keep = database.prepare("INSERT OR REPLACE INTO checkpoint (size, note, at) VALUES (?, ?, ?)")
  const currentSize = () => Number(size.get()?.["size"])
  return {
    size: currentSize,
    runs: (from, limit) => runs.all(from, limit) as unknown as readonly LeafRun[],
    runOf: (wallet, seq) => runOf.get(wallet, seq) as LeafRun | undefined,
    unlogged: (limit) => unlogged.all(limit) as unknown as readonly Omit<LeafRun, "first">[],
    tile: (level, index) =>
      (tile.get(level, index)?.["hashes"] as Uint8Array | undefined) ?? new Uint8Array(),
    checkpoint: () => checkpoint.get() as CheckpointRow | undefined,
    grow(before, { runs: added, tiles }) {
      if (currentSize() !== before) return false
      for (const { first, wallet, seq, count } of added) addRun.run(first, seq, count, wallet)
      for (const { level, index, hashes } of tiles) setTile.run(level, index, hashes)
      return true
    },
    keepCheckpoint({ size, note, at }) {
      dropCheckpoints.run(size)
      keep.run(size, note, at)
    },
  }
}
