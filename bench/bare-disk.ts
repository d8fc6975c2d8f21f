import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"

/** The disk's own limit: 20 KiB, about what SQLite writes for a commit, over preallocated bytes, then fdatasync. */
export function bareDisk(path: string): { write(): void; close(): void } {
  const slots = 64
  const block = Buffer.alloc(20 * 1024, 1)
  const file = openSync(path, "w")
  for (let slot = 0; slot < slots; slot++) writeSync(file, block, 0, block.length, slot * block.length)
  fsyncSync(file)
  let next = 0
  return {
    write() {
      writeSync(file, block, 0, block.length, (next++ % slots) * block.length)
      fdatasyncSync(file)
    },
    close: () => closeSync(file),
  }
}

/** A SQLite file with a ledger's settings, which commits one row of an event's size. */
export function bareCommits(path: string): { commit(): void; close(): void } {
  const database = new DatabaseSync(path)
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE row (text TEXT) STRICT")
  const insert = database.prepare("INSERT INTO row VALUES (?)")
  const text = "x".repeat(800)
  return { commit: () => void insert.run(text), close: () => database.close() }
}
