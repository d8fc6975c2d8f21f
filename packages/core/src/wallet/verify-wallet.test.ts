import assert from "node:assert/strict"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import { afterEach, beforeEach, describe, test } from "vitest"
import { temporaryFolder } from "../../test/temporary-folder.ts"
import { governed, ReviewDesk, Wallet } from "../index.ts"

let folder = temporaryFolder()
beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => folder.remove())

/** The path of a wallet in a real file: four decisions, one of them settled, one queued. */
async function sample(): Promise<string> {
  const path = join(folder.path, "ledger.db")
  await using wallet = await Wallet.create({
    ...{ owner: "o", dailyLimit: 70, requireApprovalAbove: 25, ledger: path },
  })
  for (const amount of [16, 34, 5, 100]) {
    await wallet.pay({ amount, to: "openai", idempotencyKey: `k${amount}` })
  }
  await wallet.settle((await wallet.decision("k16"))?.id ?? "", 14.2)
  return path
}

describe("a ledger file that was tampered with", () => {
  const tamper = async (path: string, change: (database: DatabaseSync) => void) => {
    const { DatabaseSync: Database } = process.getBuiltinModule("node:sqlite")
    const database = new Database(path)
    change(database)
    database.close()
    const wallet = await Wallet.connect({ owner: "o", ledger: path })
    const report = await wallet.verify()
    await wallet.close()
    return report.ok ? "ok" : report.kind
  }

  const cases: readonly (readonly [string, string, string])[] = [
    ["an event's body", "UPDATE event SET body = replace(body, '16.00', '1.00') WHERE seq = 2", "edited"],
    ["an event deleted", "DELETE FROM event WHERE seq = 3", "gap"],
    ["the last event deleted", "DELETE FROM event WHERE seq = 6", "head_differs"],
    ["a counter", "UPDATE counter SET held = held - 34000000", "counter_differs"],
    ["a counter deleted", "DELETE FROM counter", "counter_differs"],
    ["a counter added", "INSERT INTO counter VALUES (1, 'x', 1, 1)", "counter_differs"],
    [
      "a decision's amount",
      `UPDATE spend SET body = replace(body, '"34000000"', '"1000000"')`,
      "spend_differs",
    ],
    [
      "what a reviewer reads of a decision's reasons",
      `UPDATE spend SET body = json_set(body, '$.reasons[0].message', 'As every month.') WHERE key = 'k34'`,
      "spend_differs",
    ],
    [
      "a number in a decision's reasons",
      `UPDATE spend SET body = json_set(body, '$.reasons[0].requested', '1.00') WHERE key = 'k100'`,
      "spend_differs",
    ],
    [
      "a decision's state",
      `UPDATE spend SET body = replace(body, '"queued"', '"approved"')`,
      "spend_differs",
    ],
    [
      "a decision's counterparty",
      `UPDATE spend SET body = replace(body, '"to":"openai"', '"to":"other"')`,
      "spend_differs",
    ],
    ["a decision's key", "UPDATE spend SET key = 'k16-gone' WHERE key = 'k16'", "spend_differs"],
    ["a decision's expiry", "UPDATE spend SET due = due + 1 WHERE due IS NOT NULL", "spend_differs"],
    [
      "a correction slipped in",
      `UPDATE spend SET body = json_set(body, '$.adjusted', json('true')) WHERE key = 'k5'`,
      "spend_differs",
    ],
    ["a decision deleted", "DELETE FROM spend WHERE key = 'k5'", "spend_differs"],
    ["the mandate", `UPDATE mandate SET body = replace(body, '70.00', '9000.00')`, "mandate_differs"],
    [
      "a freeze slipped in",
      `UPDATE mandate SET body = json_set(body, '$.control', 'freeze')`,
      "mandate_differs",
    ],
    ["the pending count", "UPDATE wallet SET pending = 0", "head_differs"],
    [
      "the purpose a reviewer reads",
      `UPDATE disclosure SET texts = replace(texts, 'payment', 'donation')`,
      "spend_differs",
    ],
    ["a receipt", `UPDATE spend SET body = json_set(body, '$.receipt.seq', 99)`, "spend_differs"],
    [
      "the mandate of a decision",
      `UPDATE spend SET body = json_set(body, '$.mandate.version', 9)`,
      "spend_differs",
    ],
    [
      "a withdrawal slipped in",
      `UPDATE spend SET body = json_set(body, '$.withdrawn', json('true'))`,
      "spend_differs",
    ],
    [
      "an approval's end",
      `UPDATE spend SET body = json_set(body, '$.approval.expiresAt', 1) WHERE due > 0`,
      "spend_differs",
    ],
    ["the wallet's clock", "UPDATE wallet SET last_at = last_at - 86400000", "head_differs"],
    ["the wallet's currency", "UPDATE wallet SET currency = 'EUR'", "head_differs"],
    ["when the mandate was set", `UPDATE mandate SET body = json_set(body, '$.setAt', 1)`, "mandate_differs"],
    [
      "an event behind the head",
      "INSERT INTO event (wallet, seq, hash, body) SELECT wallet, 7, hash, body FROM event WHERE seq = 6",
      "head_differs",
    ],
    ["a remark that is none", "UPDATE event SET remark = 'null' WHERE seq = 2", "edited"],
    ["a remark that is no JSON", "UPDATE event SET remark = 'x' WHERE seq = 2", "edited"],
    ["an event's spelling", "UPDATE event SET body = ' ' || body WHERE seq = 2", "edited"],
    ["an event's JSON", "UPDATE event SET body = 'garbage' WHERE seq = 2", "malformed"],
    ["the chain head", "UPDATE wallet SET hash = 'x'", "head_differs"],
    ["the chain's length", "UPDATE wallet SET seq = seq + 1", "head_differs"],
    ["how often a mandate was set", "UPDATE wallet SET epoch = epoch - 1", "head_differs"],
    [
      "a mandate of an agent slipped in",
      "INSERT INTO mandate (wallet, agent, body) SELECT wallet, 'zzz', body FROM mandate",
      "mandate_differs",
    ],
    [
      "a key moved out of its column",
      "UPDATE spend SET body = json_set(body, '$.key', key), key = NULL WHERE key = 'k16'",
      "spend_differs",
    ],
    [
      "an expiry moved out of its column",
      "UPDATE spend SET body = json_set(body, '$.due', due), due = NULL WHERE due > 0",
      "spend_differs",
    ],
    ["reasons that are none", "UPDATE spend SET body = json_set(body, '$.reasons', NULL)", "spend_differs"],
    ["a time that is none", "UPDATE spend SET body = json_set(body, '$.endedAt', 'x')", "spend_differs"],
  ]
  for (const [what, sql, kind] of cases) {
    test(`is found out: ${what}`, async () => {
      assert.equal(await tamper(await sample(), (database) => database.exec(sql)), kind)
    })
  }

  test("is found out: how long an approval stays good that is being run", async () => {
    const path = await sample()
    const wallet = await Wallet.connect({ owner: "o", ledger: path })
    const started = Promise.withResolvers<void>()
    const end = Promise.withResolvers<void>()
    const buy = governed(
      async (_args: object) => {
        started.resolve()
        await end.promise
      },
      { name: "buy", wallet, amount: 1, to: "openai" },
    )
    const outcome = buy({}, { key: "buys" })
    await started.promise
    assert.equal((await wallet.verify()).ok, true)
    const edit = `UPDATE spend SET body = json_set(body, '$.claimBy', 99999999999999) WHERE key LIKE '%buys%'`
    assert.equal(await tamper(path, (database) => database.exec(edit)), "spend_differs")
    end.resolve()
    await outcome
    await wallet.close()
  })

  test("is not opened with a trigger, which would change what is committed", async () => {
    const path = await sample()
    const slip = "CREATE TRIGGER t AFTER UPDATE ON wallet BEGIN UPDATE counter SET held = 0; END"
    const found = tamper(path, (database) => database.exec(slip))
    await assert.rejects(found, { code: "ledger_corrupt", message: /trigger/ })
  })

  test("is said to be damaged where a row cannot be told", async () => {
    const path = await sample()
    const edit = "UPDATE spend SET body = json_set(body, '$.reasons', NULL) WHERE list = 'queued'"
    await tamper(path, (database) => database.exec(edit))
    await using desk = await ReviewDesk.open({ ledger: path, reviewer: "ana" })
    await assert.rejects(desk.pending(), { code: "ledger_corrupt" })
  })

  test("gives its trail up to the damage, then says so", async () => {
    const path = await sample()
    const { DatabaseSync: Database } = process.getBuiltinModule("node:sqlite")
    const database = new Database(path)
    database.exec("UPDATE event SET body = 'garbage' WHERE seq = 3")
    database.close()
    const wallet = await Wallet.connect({ owner: "o", ledger: path })
    const seen: number[] = []
    const read = async () => {
      for await (const { seq } of wallet.trail()) seen.push(seq)
    }
    await assert.rejects(read, { code: "ledger_corrupt", message: /Event 3/ })
    assert.deepEqual(seen, [1, 2])
    await wallet.close()
  })

  test("does not lend its mandate to a sound one that the process meets later", async () => {
    const path = await sample()
    const { DatabaseSync: Database } = process.getBuiltinModule("node:sqlite")
    const database = new Database(path)
    database.exec("UPDATE mandate SET body = replace(body, '70.00', '7001.00')")
    database.close()
    const forged = await Wallet.connect({ owner: "o", ledger: path })
    assert.equal((await forged.balance()).limits[0]?.limit, "7001.00")
    await forged.close()
    const sound = await Wallet.create({
      owner: "o",
      dailyLimit: 70,
      requireApprovalAbove: 25,
      ledger: "memory:",
    })
    assert.equal((await sound.balance()).limits[0]?.limit, "70.00")
    await sound.close()
  })

  test("says which row cannot be read, and what else is wrong", async () => {
    const edit = (database: DatabaseSync) =>
      database.exec("UPDATE spend SET body = json_remove(body, '$.amount') WHERE key = 'k16'")
    assert.equal(await tamper(await sample(), edit), "spend_differs")
    await folder.remove()
    folder = temporaryFolder()
    const hide = (database: DatabaseSync) => database.exec("UPDATE spend SET list = NULL")
    assert.equal(await tamper(await sample(), hide), "spend_differs")
  })

  test("may lose the texts of what has ended, which only digests record, and no others", async () => {
    const ended = "WHERE spend IN (SELECT no FROM spend WHERE key IN ('k16', 'k100'))"
    const path = await sample()
    assert.equal(await tamper(path, (database) => database.exec(`DELETE FROM disclosure ${ended}`)), "ok")
    const rest = (database: DatabaseSync) => database.exec("DELETE FROM disclosure")
    assert.equal(await tamper(path, rest), "spend_differs")
  })

  test("tells how many more faults there are than it lists", async () => {
    const path = join(folder.path, "ledger.db")
    await using wallet = await Wallet.create({ owner: "o", dailyLimit: 70, ledger: path })
    await Promise.all(Array.from({ length: 1100 }, () => wallet.pay({ amount: 0.01, to: "openai" })))
    const { DatabaseSync: Database } = process.getBuiltinModule("node:sqlite")
    const database = new Database(path)
    database.exec("UPDATE event SET body = replace(body, '0.01', '0.02')")
    database.close()
    const report = await wallet.verify()
    assert(!report.ok && report.faults.length === 1000 && report.more >= 100, JSON.stringify(report.ok))
  })
})
