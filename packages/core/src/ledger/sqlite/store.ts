import type { DatabaseSync, StatementSync } from "node:sqlite"
import type { Use } from "../../spend/counters.ts"
import type { Spend } from "../../spend/spend.ts"
import type { Loaded } from "../batch.ts"
import type { EventRow, Head, MandateRow, Reads, WalletRow, Writes } from "../ledger.ts"
import { fromSpendRow, type SpendRow, toSpendRow } from "./rows.ts"
import { eventsPerWallet } from "./schema.ts"

/** The statements of a ledger on one connection. Everything here is synchronous, inside a transaction or not. */
export interface SqliteStore {
  head(wallet: string): Head
  load(wallet: string, reads: Required<Reads>): Loaded
  write(writes: Writes): void
  events(wallet: string, from: number, limit: number): readonly EventRow[]
  wallets(): readonly string[]
}

interface StoredWallet {
  readonly no: number
  readonly row: WalletRow
}

const underPrefix = "wallet = ?1 AND key >= ?2 AND key < ?2 || char(0x10ffff)"
const spendColumns = "id, key, due, body, texts"

export function sqliteStore(database: DatabaseSync): SqliteStore {
  return new Statements(database)
}

class Statements implements SqliteStore {
  readonly #database: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()
  /** Mandates change rarely and are needed always: kept until the wallet's epoch moves. */
  readonly #mandates = new Map<
    string,
    { readonly epoch: number; readonly rows: ReadonlyMap<string, MandateRow> }
  >()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  head(wallet: string): Head {
    const stored = this.#wallet(wallet)
    if (stored === undefined) return { wallet: undefined, mandates: new Map() }
    return { wallet: stored.row, mandates: this.#mandatesOf(stored) }
  }

  load(wallet: string, reads: Required<Reads>): Loaded {
    const no = this.#wallet(wallet)?.no
    if (no === undefined) return { spends: [], counters: new Map(), due: [], history: [] }
    const spends = [
      ...reads.ids.map((id) =>
        this.#sql(`SELECT ${spendColumns} FROM spend WHERE wallet = ? AND id = ?`).get(no, id),
      ),
      ...reads.keys.map((key) =>
        this.#sql(`SELECT ${spendColumns} FROM spend WHERE wallet = ? AND key = ?`).get(no, key),
      ),
    ]
    const due = this.#sql(`SELECT ${spendColumns} FROM spend WHERE wallet = ? AND due <= ? ORDER BY due, no`)
    const all = this.#sql(`SELECT ${spendColumns} FROM spend WHERE wallet = ? ORDER BY no`)
    return {
      spends: spends.filter((row) => row !== undefined).map(asSpend),
      counters: this.#countersOf(no, reads),
      due: reads.dueBy < 0 ? [] : due.all(no, reads.dueBy).map(asSpend),
      history: reads.history ? all.all(no).map(asSpend) : [],
    }
  }

  write({ wallet, events, spends, counters, mandates, dropCounters }: Writes): void {
    const no = this.#writeWallet(wallet)
    const event = this.#sql("INSERT INTO event (pos, hash, body) VALUES (?, ?, ?)")
    for (const { seq, hash, body } of events) event.run(no * eventsPerWallet + seq, hash, body)
    const spend = this.#sql(
      `INSERT INTO spend (wallet, ${spendColumns}) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (wallet, id) DO UPDATE SET key = excluded.key, due = excluded.due,
         body = excluded.body, texts = excluded.texts`,
    )
    for (const each of spends) {
      const { id, key, due, body, texts } = toSpendRow(each)
      spend.run(no, id, key, due, body, texts)
    }
    const drop = this.#sql(`DELETE FROM counter WHERE ${underPrefix}`)
    for (const prefix of dropCounters) drop.run(no, prefix)
    const counter = this.#sql(
      `INSERT INTO counter (wallet, key, held, settled) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET held = held + excluded.held, settled = settled + excluded.settled`,
    )
    for (const [key, { held, settled }] of counters) counter.run(no, key, held, settled)
    const mandate = this.#sql("INSERT OR REPLACE INTO mandate (wallet, agent, body) VALUES (?, ?, ?)")
    for (const row of mandates) mandate.run(no, row.agent, JSON.stringify(row))
  }

  events(wallet: string, from: number, limit: number): readonly EventRow[] {
    const no = this.#wallet(wallet)?.no
    if (no === undefined) return []
    const first = no * eventsPerWallet
    const rows = this.#sql(
      "SELECT pos, hash, body FROM event WHERE pos BETWEEN ? AND ? ORDER BY pos LIMIT ?",
    ).all(first + Math.max(1, from), first + eventsPerWallet - 1, limit)
    return rows.map(({ pos, hash, body }) => ({
      wallet,
      seq: (pos as number) - first,
      hash: hash as string,
      body: body as string,
    }))
  }

  wallets(): readonly string[] {
    return this.#sql("SELECT id FROM wallet ORDER BY id")
      .all()
      .map(({ id }) => id as string)
  }

  #wallet(id: string): StoredWallet | undefined {
    const row = this.#sql(
      "SELECT no, currency, seq, hash, last_at, pending, epoch FROM wallet WHERE id = ?",
    ).get(id)
    if (row === undefined) return undefined
    const { no, currency, seq, hash, last_at, pending, epoch } = row as Record<string, number> & {
      readonly currency: string
      readonly hash: string
    }
    return {
      no,
      row: { id, currency, seq, hash, lastAt: last_at, pending, epoch },
    } as unknown as StoredWallet
  }

  #writeWallet({ id, currency, seq, hash, lastAt, pending, epoch }: WalletRow): number {
    const row = this.#sql(
      `INSERT INTO wallet (id, currency, seq, hash, last_at, pending, epoch) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, last_at = excluded.last_at,
         pending = excluded.pending, epoch = excluded.epoch
       RETURNING no`,
    ).get(id, currency, seq, hash, lastAt, pending, epoch)
    return (row as { no: number }).no
  }

  #mandatesOf({ no, row }: StoredWallet): ReadonlyMap<string, MandateRow> {
    const known = this.#mandates.get(row.id)
    if (known?.epoch === row.epoch) return known.rows
    const stored = this.#sql("SELECT body FROM mandate WHERE wallet = ?").all(no)
    const rows = new Map(
      stored.map(({ body }) => JSON.parse(body as string) as MandateRow).map((each) => [each.agent, each]),
    )
    if (this.#mandates.size >= 10_000) this.#mandates.clear()
    this.#mandates.set(row.id, { epoch: row.epoch, rows })
    return rows
  }

  #countersOf(no: number, { counters, prefixes }: Required<Reads>): ReadonlyMap<string, Use> {
    const one = this.#exact("SELECT key, held, settled FROM counter WHERE wallet = ? AND key = ?")
    const found = counters.map((key) => one.get(no, key)).filter((row) => row !== undefined)
    const under = this.#exact(`SELECT key, held, settled FROM counter WHERE ${underPrefix}`)
    return asUses([...found, ...prefixes.flatMap((prefix) => under.all(no, prefix))])
  }

  #sql(text: string): StatementSync {
    const known = this.#prepared.get(text)
    if (known !== undefined) return known
    const statement = this.#database.prepare(text)
    this.#prepared.set(text, statement)
    return statement
  }

  /** For columns that can pass 2^53. */
  #exact(text: string): StatementSync {
    const statement = this.#sql(text)
    statement.setReadBigInts(true)
    return statement
  }
}

function asSpend(row: Record<string, unknown>): Spend {
  return fromSpendRow(row as unknown as SpendRow)
}

function asUses(rows: readonly Record<string, unknown>[]): ReadonlyMap<string, Use> {
  return new Map(
    rows.map(({ key, held, settled }) => [
      key as string,
      { held: held as bigint, settled: settled as bigint },
    ]),
  )
}
