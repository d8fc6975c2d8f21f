import type { DatabaseSync } from "node:sqlite"
import { NornrError } from "../../error/nornr-error.ts"
import { applicationId, migrations } from "./schema.ts"

/** Older ones can corrupt a write-ahead log that two connections write (fixed 2026-03-13). */
const oldestSqlite = [3, 51, 3]

/**
 * Opens a ledger file: durable settings, then the missing migrations. May throw SQLite's busy error, to retry.
 * @throws {NornrError} `unsupported`, `ledger_refused`, `ledger_too_new`, `ledger_corrupt`
 */
export function openDatabase(path: string): DatabaseSync {
  const database = new (requireNodeSqlite().DatabaseSync)(path, { timeout: 0 })
  try {
    requireSqlite(readText(database, "SELECT sqlite_version() AS value"))
    requireLedger(database, path)
    requireWal(readText(database, "PRAGMA journal_mode = WAL", "journal_mode"), path)
    database.exec(`
      PRAGMA synchronous = FULL;
      PRAGMA secure_delete = ON;
      PRAGMA fullfsync = 1;
      PRAGMA checkpoint_fullfsync = 1;
    `)
    migrate(database, path)
    requireNoTrigger(database, path)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** @throws {NornrError} `unsupported` */
export function requireNodeSqlite(): typeof import("node:sqlite") {
  const sqlite = globalThis.process?.getBuiltinModule?.("node:sqlite")
  if (sqlite !== undefined) return sqlite
  const remedy = 'Use Node.js 24.15 or newer (or 22.23 or newer); "memory:" works anywhere, for tests.'
  throw new NornrError("unsupported", "This runtime has no node:sqlite.", { remedy })
}

/** @throws {NornrError} `ledger_refused` */
export function requireSqlite(version: string): void {
  const parts = version.split(".").map(Number)
  const at = oldestSqlite.findIndex((part, index) => part !== (parts[index] ?? 0))
  if (at < 0 || (parts[at] ?? 0) > (oldestSqlite[at] as number)) return
  const oldest = oldestSqlite.join(".")
  const problem = `This Node.js brings SQLite ${version}, which can corrupt a ledger that two processes write.`
  const remedy = `Use a Node.js with SQLite ${oldest} or newer: 24.15 or newer, or 22.23 or newer.`
  throw new NornrError("ledger_refused", problem, { remedy })
}

function requireWal(mode: string, path: string): void {
  if (mode === "wal") return
  const problem = `SQLite cannot keep a write-ahead log for ${path} (it says "${mode}").`
  throw new NornrError("ledger_refused", problem, { remedy: "Put the ledger on a local disk." })
}

function requireLedger(database: DatabaseSync, path: string): void {
  const tables = readNumber(database, "SELECT count(*) AS value FROM sqlite_schema")
  const id = readNumber(database, "PRAGMA application_id", "application_id")
  if (tables === 0 || id === applicationId) return
  const remedy = "Name a file of its own for the ledger."
  throw new NornrError("ledger_corrupt", `${path} is a database of something else.`, { remedy })
}

/** A trigger would change what is committed behind the back of every process. */
function requireNoTrigger(database: DatabaseSync, path: string): void {
  if (readNumber(database, "SELECT count(*) AS value FROM sqlite_schema WHERE type = 'trigger'") === 0) return
  const problem = `${path} has a trigger, which a ledger never has: the file was changed.`
  const remedy = "Keep the file as it is for examination and restore a backup."
  throw new NornrError("ledger_corrupt", problem, { remedy })
}

function migrate(database: DatabaseSync, path: string): void {
  const done = () => readNumber(database, "PRAGMA user_version", "user_version")
  if (done() > migrations.length) {
    const remedy = "Use the version of @nornr/core that wrote it, or a newer one."
    throw new NornrError("ledger_too_new", `${path} was written by a newer version.`, { remedy })
  }
  if (done() === migrations.length) return
  database.exec("BEGIN IMMEDIATE")
  try {
    for (let next = done(); next < migrations.length; next++) database.exec(migrations[next] as string)
    database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${migrations.length}`)
    database.exec("INSERT INTO ledger (secret) SELECT randomblob(32) WHERE NOT EXISTS (SELECT 1 FROM ledger)")
    database.exec("COMMIT")
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK")
    throw error
  }
}

function readNumber(database: DatabaseSync, sql: string, column = "value"): number {
  return Number(database.prepare(sql).get()?.[column])
}

function readText(database: DatabaseSync, sql: string, column = "value"): string {
  return String(database.prepare(sql).get()?.[column])
}
