import type { DatabaseSync } from "node:sqlite"
import type { Spend } from "../../spend/spend.ts"
import { othersTurn } from "../../time/real-timer.ts"
import type { Snapshot } from "../ledger.ts"
import { isBusy, sqliteFault } from "./faults.ts"
import { requireNodeSqlite } from "./open-database.ts"
import { spendsOfWallet, sqliteStore } from "./store.ts"
import { sqliteTree } from "./tree.ts"

const page = 500

/** A read transaction on a connection of its own: it sees one commit, and holds up nobody's. May throw busy. */
export function openSnapshot(path: string): Snapshot {
  const database = new (requireNodeSqlite().DatabaseSync)(path, { timeout: 0, readOnly: true })
  try {
    database.exec("BEGIN")
    const snapshot = snapshotOf(database, path)
    database.prepare("SELECT count(*) FROM wallet").get() // the transaction begins with what it reads first
    return snapshot
  } catch (error) {
    database.close()
    throw isBusy(error) ? error : sqliteFault(error, path)
  }
}

/** Spends lie in the order of their commits: each wallet's are listed once, instead of looking through all for each. */
function listByWallet(database: DatabaseSync): void {
  database.exec("INSERT INTO temp.spend_of SELECT wallet, no FROM spend ORDER BY wallet, no")
}

function snapshotOf(database: DatabaseSync, path: string): Snapshot {
  database.exec(
    "CREATE TEMP TABLE spend_of (wallet INTEGER, no INTEGER, PRIMARY KEY (wallet, no)) WITHOUT ROWID",
  )
  const store = sqliteStore(database)
  const spendsAfter = database.prepare(spendsOfWallet)
  const tree = sqliteTree(database)
  let isListed = false
  const told = async <T>(read: () => T): Promise<T> => {
    try {
      return read()
    } catch (error) {
      throw sqliteFault(error, path)
    }
  }
  return {
    wallets: () => told(() => store.wallets()),
    head: (wallet) => told(() => store.head(wallet)),
    events: (wallet, from, limit) => told(() => store.events(wallet, from, limit)),
    async *spends(wallet) {
      if (!isListed) await told(() => listByWallet(database))
      isListed = true
      let after = 0
      for (;;) {
        const rows = await told(() => store.storedSpends(spendsAfter, wallet, after, page))
        yield* rows
        await othersTurn()
        if (rows.length < page) return
        after = rows.at(-1)?.no ?? after
      }
    },
    spend: (id) => told((): { wallet: string; spend: Spend } | undefined => store.spendAnywhere(id)),
    counters: (wallet) => told(() => store.counters(wallet)),
    treeSize: () => told(() => tree.size()),
    runs: (from, limit) => told(() => tree.runs(from, limit)),
    runOf: (wallet, seq) => told(() => tree.runOf(wallet, seq)),
    unlogged: (limit) => told(() => tree.unlogged(limit)),
    tile: (level, index) => told(() => tree.tile(level, index)),
    checkpoint: () => told(() => tree.checkpoint()),
    async close() {
      if (database.isOpen) database.close()
    },
  }
}
