type Database = import("node:sqlite").DatabaseSync
type Statement = import("node:sqlite").StatementSync

/** How many values stay in memory. */
const hot = 20_000

/** How a value is kept on disk. */
export interface Shape<V> {
  encode(value: V): string
  decode(text: string): V
}

/**
 * A map for more values than memory should hold: those that were not used lately lie in a temporary database of
 * SQLite, which deletes itself. Where there is no SQLite, all stay in memory.
 */
export class Scratch<V> {
  readonly #shape: Shape<V>
  readonly #hot = new Map<string, V>()
  #sql: ScratchSql | undefined
  #size = 0

  constructor(shape: Shape<V>) {
    this.#shape = shape
  }

  /** How many values it holds. */
  get size(): number {
    return this.#size
  }

  /** The value to read and to change; a change of it counts until another one is asked for. */
  get(key: string): V | undefined {
    const value = this.#hot.get(key) ?? this.#thaw(key)
    if (value !== undefined) this.#keep(key, value)
    return value
  }

  set(key: string, value: V): void {
    if (this.get(key) === undefined) this.#size++
    this.#keep(key, value)
  }

  /** The value, which is no longer in it. */
  take(key: string): V | undefined {
    const value = this.#hot.get(key) ?? this.#thaw(key)
    if (value === undefined) return undefined
    this.#hot.delete(key)
    this.#sql?.remove.run(key)
    this.#size--
    return value
  }

  /** All of them, to read. */
  *entries(): Generator<readonly [string, V]> {
    yield* this.#hot
    for (let last = 0; this.#sql !== undefined; ) {
      const page = this.#sql.page.all(last) as {
        readonly no: number
        readonly key: string
        readonly value: string
      }[]
      for (const { key, value } of page) if (!this.#hot.has(key)) yield [key, this.#shape.decode(value)]
      if (page.length === 0) return
      last = page.at(-1)?.no ?? last
    }
  }

  close(): void {
    this.#hot.clear()
    this.#sql?.database.close()
  }

  #keep(key: string, value: V): void {
    this.#hot.delete(key)
    this.#hot.set(key, value)
    if (this.#hot.size <= hot) return
    this.#sql ??= openScratch()
    if (this.#sql !== undefined) this.#freeze(this.#sql)
  }

  /** Puts the half that was not used for longest on disk. */
  #freeze({ database, write }: ScratchSql): void {
    database.exec("BEGIN")
    for (const [key, value] of this.#hot) {
      write.run(key, this.#shape.encode(value))
      this.#hot.delete(key)
      if (this.#hot.size <= hot / 2) break
    }
    database.exec("COMMIT")
  }

  #thaw(key: string): V | undefined {
    const found = this.#sql?.read.get(key)
    return found === undefined ? undefined : this.#shape.decode(found["value"] as string)
  }
}

interface ScratchSql {
  readonly database: Database
  readonly write: Statement
  readonly read: Statement
  readonly remove: Statement
  readonly page: Statement
}

/** A database without a name is on disk, of this connection alone, and gone with it. */
function openScratch(): ScratchSql | undefined {
  const sqlite = globalThis.process?.getBuiltinModule?.("node:sqlite")
  if (sqlite === undefined) return undefined
  const database = new sqlite.DatabaseSync("")
  database.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16000;
    CREATE TABLE scratch (no INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value TEXT NOT NULL) STRICT`)
  return {
    database,
    write: database.prepare(`INSERT INTO scratch (key, value) VALUES (?, ?)
      ON CONFLICT (key) DO UPDATE SET value = excluded.value`),
    read: database.prepare("SELECT value FROM scratch WHERE key = ?"),
    remove: database.prepare("DELETE FROM scratch WHERE key = ?"),
    page: database.prepare("SELECT no, key, value FROM scratch WHERE no > ? ORDER BY no LIMIT 500"),
  }
}
