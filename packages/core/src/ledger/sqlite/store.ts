import type { DatabaseSync, StatementSync } from "node:sqlite"
import type { Use } from "../../spend/counters.ts"
import type { Spend, SpendTexts } from "../../spend/spend.ts"
import type { BatchReads, Loaded } from "../batch.ts"
import type { EventRow, Head, MandateRow, StoredSpend, WalletRow, Writes } from "../ledger.ts"
import { fromListedRow, fromSpendRow, type SpendRow, toSpendRow } from "./rows.ts"
import { type SqliteTree, sqliteTree } from "./tree.ts"

/** The statements of a ledger on one connection. Everything here is synchronous, inside a transaction or not. */
export interface SqliteStore {
  head(wallet: string): Head
  load(wallet: string, reads: BatchReads): Loaded
  write(writes: Writes): void
  events(wallet: string, from: number, limit: number): readonly EventRow[]
  wallets(): readonly string[]
  /** Spends behind the one of a number, in the order of their asks. */
  storedSpends(
    statement: StatementSync,
    wallet: string,
    after: number,
    limit: number,
  ): readonly (StoredSpend & { readonly no: number })[]
  spendAnywhere(id: string): { readonly wallet: string; readonly spend: Spend } | undefined
  counters(wallet: string): ReadonlyMap<string, Use>
  growTree: SqliteTree["grow"]
  keepCheckpoint: SqliteTree["keepCheckpoint"]
  /** Deletes the texts whose time has come, at most so many; gives how many. */
  forget(now: number): number
}

const spendColumns = "id, key, due, list, forget, body"
const textsColumn = `(SELECT '[' || group_concat(texts) || ']' FROM disclosure WHERE spend = spend.no) AS texts`
const withTexts = `SELECT ${spendColumns}, ${textsColumn} FROM spend`
export const forgetAtOnce = 500
const underPrefix = "wallet = ?1 AND key >= ?2 AND key < ?2 || char(0x10ffff)"

/** Of a snapshot, which lists the spends of each wallet. */
export const spendsOfWallet: string = `SELECT spend.no, ${spendColumns}, ${textsColumn}
  FROM spend_of JOIN spend USING (no) WHERE spend_of.wallet = ? AND spend_of.no > ? ORDER BY spend_of.no LIMIT ?`

const statements = {
  wallet: "SELECT no, currency, seq, hash, last_at, pending, epoch FROM wallet WHERE id = ?",
  wallets: "SELECT id FROM wallet ORDER BY id",
  newWallet: `INSERT INTO wallet (id, currency, seq, hash, last_at, pending, epoch) VALUES (?, ?, ?, ?, ?, ?, ?)
    RETURNING no`,
  moveWallet: "UPDATE wallet SET seq = ?, hash = ?, last_at = ?, pending = ?, epoch = ? WHERE no = ?",
  mandates: "SELECT agent, body FROM mandate WHERE wallet = ?",
  setMandate: "INSERT OR REPLACE INTO mandate (wallet, agent, body) VALUES (?, ?, ?)",
  spendById: `${withTexts} WHERE wallet = ?1 AND id = ?2`,
  spendByKey: `${withTexts} WHERE wallet = ? AND key = ?`,
  dueSpends: `${withTexts} WHERE wallet = ? AND due <= ? ORDER BY due, no`,
  listedSpends: `${withTexts} WHERE wallet = ? AND list = ? ORDER BY no`,
  allSpends: `${withTexts} WHERE wallet = ? ORDER BY no`,
  walletOfSpend: "SELECT id FROM wallet WHERE no = (SELECT wallet FROM spend WHERE id = ?)",
  setSpend: `INSERT INTO spend (wallet, ${spendColumns}) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET key = excluded.key, due = excluded.due, list = excluded.list,
    forget = excluded.forget, body = excluded.body`,
  textsOf: "SELECT no, texts FROM disclosure WHERE spend = (SELECT no FROM spend WHERE id = ?)",
  shrinkTexts: "UPDATE disclosure SET texts = ? WHERE no = ?",
  addTexts: "INSERT INTO disclosure (spend, texts) SELECT no, ? FROM spend WHERE id = ?",
  counter: "SELECT key, held, settled FROM counter WHERE wallet = ? AND key = ?",
  countersUnder: `SELECT key, held, settled FROM counter WHERE ${underPrefix}`,
  dropCounters: `DELETE FROM counter WHERE ${underPrefix}`,
  addCounter: `INSERT INTO counter (wallet, key, held, settled) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET held = held + excluded.held, settled = settled + excluded.settled`,
  addEvent: "INSERT INTO event (wallet, seq, hash, body, remark) VALUES (?, ?, ?, ?, ?)",
  forgettable: `SELECT no FROM spend WHERE forget <= ? LIMIT ${forgetAtOnce}`,
  forgetTexts: "UPDATE disclosure SET texts = '{}' WHERE spend = ?",
  forgotten: "UPDATE spend SET forget = NULL WHERE no = ?",
  forgetRemarks: `UPDATE event SET remark = NULL WHERE no IN
    (SELECT no FROM event WHERE remark IS NOT NULL AND remark ->> '$.until' <= ? LIMIT ${forgetAtOnce})`,
  capRemarks: `UPDATE event SET remark = json_set(remark, '$.until', ?1)
    WHERE remark IS NOT NULL AND wallet = ?2 AND remark ->> '$.until' > ?1`,
  redact:
    "UPDATE event SET remark = NULL WHERE remark IS NOT NULL AND wallet = ? AND body ->> '$.data.decision' = ?",
  events: "SELECT seq, hash, body, remark FROM event WHERE wallet = ? AND seq >= ? ORDER BY seq LIMIT ?",
} as const

/** Counters can pass 2^53. */
const exact: readonly (keyof typeof statements)[] = ["counter", "countersUnder"]

interface KnownMandates {
  readonly epoch: number
  readonly rows: ReadonlyMap<string, MandateRow>
}

type Row = Record<string, unknown>

export function sqliteStore(database: DatabaseSync): SqliteStore {
  return new PreparedStore(database)
}

class PreparedStore implements SqliteStore {
  readonly #sql: Readonly<Record<keyof typeof statements, StatementSync>>
  /** The numbers of wallets never change. */
  readonly #numbers = new Map<string, number>()
  /** Mandates change rarely and are needed always: kept until the wallet's epoch moves. */
  readonly #mandates = new Map<string, KnownMandates>()

  readonly #tree: SqliteTree

  constructor(database: DatabaseSync) {
    this.#tree = sqliteTree(database)
    const prepared = Object.entries(statements).map(([name, text]) => [name, database.prepare(text)] as const)
    this.#sql = Object.fromEntries(prepared) as Record<keyof typeof statements, StatementSync>
    for (const name of exact) this.#sql[name].setReadBigInts(true)
  }

  head(wallet: string): Head {
    const stored = this.#sql.wallet.get(wallet)
    if (stored === undefined) return { id: wallet, wallet: undefined, mandates: new Map() }
    const row = asWallet(wallet, stored)
    this.#numbers.set(wallet, stored["no"] as number)
    return { id: wallet, wallet: row, mandates: this.#mandatesOf(row, stored["no"] as number) }
  }

  load(wallet: string, { ids, keys, counters, prefixes, lists, dueBy, history }: BatchReads): Loaded {
    const no = this.#numbers.get(wallet)
    if (no === undefined) return { spends: [], counters: new Map(), due: [], listed: [], history: [] }
    const spends: Spend[] = []
    for (const id of ids) addSpend(spends, this.#sql.spendById.get(no, id))
    for (const key of keys) addSpend(spends, this.#sql.spendByKey.get(no, key))
    const uses = new Map<string, Use>()
    for (const key of counters) addUse(uses, this.#sql.counter.get(no, key))
    for (const prefix of prefixes)
      for (const row of this.#sql.countersUnder.all(no, prefix)) addUse(uses, row)
    return {
      spends,
      counters: uses,
      due: dueBy < 0 ? [] : this.#sql.dueSpends.all(no, dueBy).map(asSpend),
      listed: [...lists].flatMap((list) => this.#sql.listedSpends.all(no, list).map(asSpend)),
      history: history ? this.#sql.allSpends.all(no).map(asSpend) : [],
    }
  }

  write(writes: Writes): void {
    const { wallet, events, spends, texts, counters, mandates, dropCounters, capRemarks, redacts } = writes
    const no = this.#writeWallet(wallet)
    for (const decision of redacts ?? []) this.#sql.redact.run(no, decision)
    if (capRemarks !== undefined) this.#sql.capRemarks.run(capRemarks, no)
    for (const { seq, hash, body, remark } of events) {
      this.#sql.addEvent.run(no, seq, hash, body, remark === undefined ? null : JSON.stringify(remark))
    }
    for (const each of spends) {
      const { id, key, due, list, forget, body } = toSpendRow(each)
      this.#sql.setSpend.run(no, id, key, due, list, forget, body)
    }
    for (const [id, each] of texts) this.#setTexts(id, each)
    for (const prefix of dropCounters) this.#sql.dropCounters.run(no, prefix)
    for (const [key, { held, settled }] of counters) this.#sql.addCounter.run(no, key, held, settled)
    for (const row of mandates) this.#sql.setMandate.run(no, row.agent, JSON.stringify(row))
  }

  /** Takes out what is no longer so, and appends the rest: no row grows. */
  #setTexts(id: string, texts: SpendTexts): void {
    const added = new Map(Object.entries(texts))
    for (const { no, texts: stored } of this.#sql.textsOf.all(id) as { no: number; texts: string }[]) {
      const all = Object.entries(JSON.parse(stored) as SpendTexts)
      const left = all.filter(([name, text]) => JSON.stringify(added.get(name)) === JSON.stringify(text))
      for (const [name] of left) added.delete(name)
      if (left.length < all.length) this.#sql.shrinkTexts.run(JSON.stringify(Object.fromEntries(left)), no)
    }
    if (added.size > 0) this.#sql.addTexts.run(JSON.stringify(Object.fromEntries(added)), id)
  }

  events(wallet: string, from: number, limit: number): readonly EventRow[] {
    const rows = this.#sql.events.all(this.#numberOf(wallet), Math.max(1, from), limit)
    return rows.map((row) => asEvent(wallet, row))
  }

  forget(now: number): number {
    const due = this.#sql.forgettable.all(now)
    for (const { no } of due as { no: number }[]) {
      this.#sql.forgetTexts.run(no)
      this.#sql.forgotten.run(no)
    }
    const { changes } = this.#sql.forgetRemarks.run(now)
    return due.length + Number(changes)
  }

  storedSpends(
    statement: StatementSync,
    wallet: string,
    after: number,
    limit: number,
  ): ReturnType<SqliteStore["storedSpends"]> {
    const rows = statement.all(this.#numberOf(wallet), after, limit)
    return rows.map((row) => ({
      no: row["no"] as number,
      id: row["id"] as string,
      read: () => fromListedRow(row as unknown as SpendRow),
    }))
  }

  spendAnywhere(id: string): ReturnType<SqliteStore["spendAnywhere"]> {
    const wallet = this.#sql.walletOfSpend.get(id)?.["id"] as string | undefined
    if (wallet === undefined) return undefined
    const row = this.#sql.spendById.get(this.#numberOf(wallet), id)
    return row && { wallet, spend: asSpend(row) }
  }

  counters(wallet: string): ReadonlyMap<string, Use> {
    const uses = new Map<string, Use>()
    for (const row of this.#sql.countersUnder.iterate(this.#numberOf(wallet), "")) addUse(uses, row)
    return uses
  }

  growTree(...growth: Parameters<SqliteTree["grow"]>): boolean {
    return this.#tree.grow(...growth)
  }

  keepCheckpoint(...checkpoint: Parameters<SqliteTree["keepCheckpoint"]>): void {
    this.#tree.keepCheckpoint(...checkpoint)
  }

  wallets(): readonly string[] {
    return this.#sql.wallets.all().map(({ id }) => id as string)
  }

  /** 0 where there is no such wallet. */
  #numberOf(wallet: string): number {
    return this.#numbers.get(wallet) ?? (this.#sql.wallet.get(wallet)?.["no"] as number | undefined) ?? 0
  }

  #writeWallet({ id, currency, seq, hash, lastAt, pending, epoch }: WalletRow): number {
    const known = this.#numbers.get(id)
    if (known !== undefined) {
      this.#sql.moveWallet.run(seq, hash, lastAt, pending, epoch, known)
      return known
    }
    return this.#sql.newWallet.get(id, currency, seq, hash, lastAt, pending, epoch)?.["no"] as number
  }

  #mandatesOf({ id, epoch }: WalletRow, no: number): ReadonlyMap<string, MandateRow> {
    const known = this.#mandates.get(id)
    if (known?.epoch === epoch) return known.rows
    const stored = this.#sql.mandates
      .all(no)
      .map(({ agent, body }) => ({ ...JSON.parse(body as string), agent }) as MandateRow)
    const rows = new Map(stored.map((each) => [each.agent, each]))
    if (this.#mandates.size >= 10_000) this.#mandates.clear()
    this.#mandates.set(id, { epoch, rows })
    return rows
  }
}

function asWallet(id: string, { currency, seq, hash, last_at, pending, epoch }: Row): WalletRow {
  return { id, currency, seq, hash, lastAt: last_at, pending, epoch } as WalletRow
}

function asSpend(row: Row): Spend {
  return fromSpendRow(row as unknown as SpendRow)
}

function asEvent(wallet: string, { seq, hash, body, remark }: Row): EventRow {
  const said = remark === null ? {} : { remark: asRemark(remark as string) }
  return { wallet, seq, hash, body, ...said } as EventRow
}

/** What is no remark fails its digest. */
function asRemark(text: string): unknown {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}

function addSpend(spends: Spend[], row: Row | undefined): void {
  if (row !== undefined) spends.push(asSpend(row))
}

function addUse(uses: Map<string, Use>, row: Row | undefined): void {
  if (row !== undefined) uses.set(row["key"] as string, row as unknown as Use)
}
