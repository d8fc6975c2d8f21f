import type { DatabaseSync } from "node:sqlite"
import { NornrError } from "../../error/nornr-error.ts"
import { realNow, realPause } from "../../time/real-timer.ts"
import { batchTime, readsOf, runBatch, runByWallet } from "../batch.ts"
import type { CheckpointRow, Entry, Ledger, Settled, Snapshot, Step, TreeGrowth, Writes } from "../ledger.ts"
import { busyTooLong, isBusy, sqliteFault } from "./faults.ts"
import { openDatabase } from "./open-database.ts"
import { openSnapshot } from "./snapshot.ts"
import { forgetAtOnce, type SqliteStore, sqliteStore } from "./store.ts"
import { watchDatabase } from "./watch.ts"

/** How often it is looked whether the file is still there, in milliseconds. */
const lookEvery = 50

/** How long a locked file is tried again, in milliseconds. */
const patience = 10_000

/**
 * Opens the ledger in a SQLite file that exists or may be made. Several processes may have it open.
 * @throws {NornrError} `ledger_refused`, `ledger_corrupt`, `ledger_too_new`, `ledger_unavailable`, `ledger_timeout`
 */
export async function sqliteLedger(path: string): Promise<Ledger> {
  return patiently(path, () => {
    const database = openDatabase(path)
    try {
      return new SqliteLedger(path, database)
    } catch (error) {
      database.close()
      throw error
    }
  })
}

class SqliteLedger implements Ledger {
  readonly name: string
  readonly secret: Uint8Array
  readonly #file: number | undefined
  #lookedAt = 0
  readonly #database: DatabaseSync
  readonly #store: SqliteStore
  readonly #watch: ReturnType<typeof watchDatabase>

  constructor(path: string, database: DatabaseSync) {
    this.name = path
    this.#file = fileAt(path)
    this.#database = database
    this.#store = sqliteStore(database)
    this.#watch = watchDatabase(database)
    this.secret = database.prepare("SELECT secret FROM ledger").get()?.["secret"] as Uint8Array
  }

  async commit(entries: readonly Entry[], clock: () => number): Promise<readonly Settled[]> {
    const { settled, wrote } = await this.#patiently(() => this.#transact(entries, clock))
    if (wrote) this.#watch.changed()
    return settled
  }

  read(entries: readonly Entry[], clock: () => number): Promise<readonly Settled[]> {
    return this.#patiently(() => {
      this.#database.exec("BEGIN")
      try {
        return runByWallet(entries, (wallet, steps) => this.#run(wallet, steps, clock()).settled)
      } finally {
        this.#rollBack()
      }
    })
  }

  events(wallet: string, from: number, limit: number): ReturnType<Ledger["events"]> {
    return this.#patiently(() => this.#store.events(wallet, from, limit))
  }

  wallets(): ReturnType<Ledger["wallets"]> {
    return this.#patiently(() => this.#store.wallets())
  }

  forget(now: number): Promise<boolean> {
    return this.#patiently(() => {
      this.#database.exec("BEGIN IMMEDIATE")
      try {
        const forgotten = this.#store.forget(now)
        this.#database.exec("COMMIT")
        // Whoever deleted last may be gone: each truncates what any has left in the log.
        return !this.#truncateLog() || forgotten >= forgetAtOnce
      } finally {
        this.#rollBack()
      }
    })
  }

  watch(listener: () => void, { idle = false }: { readonly idle?: boolean } = {}): () => void {
    return this.#watch.add(listener, idle)
  }

  snapshot(): Promise<Snapshot> {
    return this.#patiently(() => openSnapshot(this.name))
  }

  growTree(size: number, growth: TreeGrowth): Promise<boolean> {
    return this.#written(() => this.#store.growTree(size, growth))
  }

  async keepCheckpoint(checkpoint: CheckpointRow): Promise<void> {
    await this.#written(() => this.#store.keepCheckpoint(checkpoint))
  }

  async close(): Promise<void> {
    this.#watch.stop()
    if (this.#database.isOpen) this.#database.close()
  }

  /** A durable commit of its own; nobody who watches is told, since no wallet has changed. */
  #written<T>(write: () => T): Promise<T> {
    return this.#patiently(() => {
      this.#database.exec("BEGIN IMMEDIATE")
      try {
        this.#requireFile()
        const result = write()
        this.#database.exec("COMMIT")
        return result
      } finally {
        this.#rollBack()
      }
    })
  }

  /** The log still holds what was deleted; a reader elsewhere can keep it from being truncated now. */
  #truncateLog(): boolean {
    return this.#database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.["busy"] === 0
  }

  /** One durable commit, or none where no step wrote anything. */
  #transact(
    entries: readonly Entry[],
    clock: () => number,
  ): { readonly settled: readonly Settled[]; readonly wrote: boolean } {
    this.#database.exec("BEGIN IMMEDIATE")
    try {
      const all: Writes[] = []
      const settled = runByWallet(entries, (wallet, steps) => {
        const result = this.#run(wallet, steps, clock())
        if (result.writes !== undefined) all.push(result.writes)
        return result.settled
      })
      if (all.length > 0) this.#requireFile()
      for (const writes of all) this.#store.write(writes)
      if (all.length > 0) this.#database.exec("COMMIT")
      return { settled, wrote: all.length > 0 }
    } finally {
      this.#rollBack()
    }
  }

  #run(wallet: string, steps: readonly Step<unknown>[], now: number): ReturnType<typeof runBatch> {
    const head = this.#store.head(wallet)
    const reads = readsOf(steps, head, batchTime(head, now))
    return runBatch(steps, head, reads, this.#store.load(wallet, reads), now)
  }

  /** A file that was removed or replaced while open would take decisions that nobody else ever sees. */
  #requireFile(): void {
    if (realNow() - this.#lookedAt < lookEvery) return
    this.#lookedAt = realNow()
    if (this.#file === fileAt(this.name)) return
    this.#lookedAt = 0
    const problem = `The ledger ${this.name} was removed or replaced while it was open.`
    throw new NornrError("ledger_unavailable", problem, { remedy: "Put the file back and start again." })
  }

  #rollBack(): void {
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK")
  }

  #patiently<T>(run: () => T): Promise<T> {
    return patiently(this.name, () => {
      if (this.#database.isOpen) return run()
      throw new NornrError("ledger_closed", `The ledger ${this.name} was closed.`, {
        remedy: "Open it again.",
      })
    })
  }
}

/** Tries again while another process has the lock; in between, the event loop is free. */
async function patiently<T>(name: string, run: () => T): Promise<T> {
  const until = realNow() + patience
  for (;;) {
    try {
      return run()
    } catch (error) {
      if (!isBusy(error)) throw sqliteFault(error, name)
      if (realNow() >= until) throw busyTooLong(name, error)
    }
    await realPause(1 + Math.random() * 2)
  }
}

/** The number of the file at a path, which changes when it is replaced. */
function fileAt(path: string): number | undefined {
  return globalThis.process.getBuiltinModule("node:fs").statSync(path, { throwIfNoEntry: false })?.ino
}
