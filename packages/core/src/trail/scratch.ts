type Database = import("node:sqlite").DatabaseSync

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
  #hot = new Map<string, V>()
  #database: Database | undefined
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

  delete(key: string): void {
    if (this.get(key) === undefined) return
    this.#hot.delete(key)
    this.#database?.prepare("DELETE FROM scratch WHERE key = ?").run(key)
    this.#size--
  }

  *entries(): Generator<readonly [string, V]> {
    if (this.#database === undefined) return yield* this.#hot
    this.#freeze(this.#hot)
    this.#hot = new Map()
    const rows = this.#database.prepare("SELECT key, value FROM scratch WHERE key > ? ORDER BY key LIMIT 500")
    for (let last = ""; ; ) {
      const page = rows.all(last) as { readonly key: string; readonly value: string }[]
      for (const { key } of page) yield [key, this.get(key) as V]
      if (page.length === 0) return
      last = page.at(-1)?.key ?? last
    }
  }

  close(): void {
    this.#hot.clear()
    this.#database?.close()
  }

  #keep(key: string, value: V): void {
    this.#hot.delete(key)
    this.#hot.set(key, value)
    if (this.#hot.size <= hot) return
    const sqlite = globalThis.process?.getBuiltinModule?.("node:sqlite")
    if (sqlite === undefined) return
    if (this.#database === undefined) {
      this.#database = new sqlite.DatabaseSync("")
      this.#database.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
        CREATE TABLE scratch (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID`)
    }
    const all = [...this.#hot]
    this.#freeze(all.slice(0, hot / 2))
    this.#hot = new Map(all.slice(hot / 2))
  }

  #freeze(values: Iterable<readonly [string, V]>): void {
    const database = this.#database as Database
    const write = database.prepare("INSERT OR REPLACE INTO scratch (key, value) VALUES (?, ?)")
    database.exec("BEGIN")
    for (const [key, value] of values) write.run(key, this.#shape.encode(value))
    database.exec("COMMIT")
  }

  #thaw(key: string): V | undefined {
    const found = this.#database?.prepare("SELECT value FROM scratch WHERE key = ?").get(key)
    return found === undefined ? undefined : this.#shape.decode(found["value"] as string)
  }
}
