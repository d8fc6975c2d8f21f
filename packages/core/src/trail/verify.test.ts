import assert from "node:assert/strict"
import { join } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import fc from "fast-check"
import { afterEach, beforeEach, describe, test } from "vitest"
import { temporaryFolder } from "../../test/temporary-folder.ts"
import type { Receipt } from "../spend/decision.ts"
import { Wallet } from "../wallet/wallet.ts"
import { canonicalJson } from "./canonical.ts"
import { sha256 } from "./digest.ts"
import { noHash, type TrailEvent } from "./event.ts"
import { verifyTrail } from "./verify.ts"

let folder = temporaryFolder()
beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => folder.remove())

interface Sample {
  readonly path: string
  readonly events: readonly TrailEvent[]
  readonly receipts: readonly Receipt[]
}

/** A wallet in a real file: four decisions, one of them settled, one queued. */
async function sample(): Promise<Sample> {
  const path = join(folder.path, "ledger.db")
  const wallet = await Wallet.create({ owner: "o", dailyLimit: 70, requireApprovalAbove: 25, ledger: path })
  const receipts: Receipt[] = []
  for (const amount of [16, 34, 5, 100]) {
    receipts.push((await wallet.pay({ amount, to: "openai", idempotencyKey: `k${amount}` })).receipt)
  }
  receipts.push((await wallet.settle((await wallet.decision("k16"))?.id ?? "", 14.2)).receipt)
  const events: TrailEvent[] = []
  for await (const event of wallet.trail()) events.push(event)
  await wallet.close()
  return { path, events, receipts }
}

/** The trail as a forger would leave it: every hash made to fit again. */
function resealed(events: readonly TrailEvent[]): readonly TrailEvent[] {
  let prev = noHash
  return events.map(({ hash: _old, ...event }, index) => {
    const sealed = { ...event, seq: index + 1, prev }
    prev = sha256(canonicalJson(sealed, "event"))
    return { ...sealed, hash: prev }
  })
}

const changed = (events: readonly TrailEvent[], index: number, change: Partial<TrailEvent>) =>
  events.map((event, at) => (at === index ? { ...event, ...change } : event))

function parsed(text: string): TrailEvent | undefined {
  try {
    return JSON.parse(text) as TrailEvent
  } catch {
    return undefined
  }
}

const fault = async (events: Iterable<unknown>, receipts: readonly Receipt[] = []) => {
  const report = await verifyTrail(events as Iterable<TrailEvent>, { receipts })
  return report.ok ? "ok" : `${report.seq} ${report.kind}`
}

describe("a trail", () => {
  test("verifies whole, with its receipts, and tells its head", async () => {
    const { events, receipts } = await sample()
    const report = await verifyTrail(events, { receipts })
    assert.deepEqual(report, { ok: true, events: 6, head: { seq: 6, hash: events.at(-1)?.hash } })
    assert.equal(await fault([]), "ok")
  })

  test("shows an edit of any field of any event", async () => {
    const { events } = await sample()
    for (const [index, event] of events.entries()) {
      const edits: readonly Partial<TrailEvent>[] = [
        { data: { ...event.data, amount: "0.01" } },
        { at: "2020-01-01T00:00:00.000Z" },
        { mandate: "0".repeat(64) },
        { wallet: "other" },
        { type: "spend.released" },
        { v: 2 as 1 },
        { hash: "0".repeat(64) },
      ]
      for (const edit of edits) assert.equal(await fault(changed(events, index, edit)), `${index + 1} edited`)
    }
  })

  test("shows any change of any character, at its event", async () => {
    const { events } = await sample()
    const place = fc.tuple(fc.nat(), fc.nat(), fc.constantFrom("0", "9", "a", "x", "-"))
    const property = fc.asyncProperty(place, async ([which, where, character]) => {
      const index = which % events.length
      const text = JSON.stringify(events[index])
      const at = where % text.length
      const edited = parsed(text.slice(0, at) + character + text.slice(at + 1))
      if (edited === undefined || JSON.stringify(edited) === text) return
      const report = await verifyTrail(events.map((event, position) => (position === index ? edited : event)))
      const isMoved = (edited as { seq: number }).seq < index + 1
      const place = isMoved ? (edited as { seq: number }).seq : index + 1
      assert(!report.ok && report.seq === place, text.slice(at - 10, at + 10))
    })
    await fc.assert(property, { numRuns: 1000 })
  })

  test("shows a deletion, a swap, an insertion and a repetition, at their place", async () => {
    const { events } = await sample()
    const [a, b, c, ...rest] = events
    assert.equal(await fault([a, c, ...rest]), "2 gap")
    assert.equal(await fault(events.slice(1)), "1 gap")
    assert.equal(await fault([a, c, b, ...rest]), "2 gap")
    assert.equal(await fault([a, a, b, c, ...rest]), "1 out_of_order")
    assert.equal(await fault([a, b, { ...b, seq: 3 }, ...rest]), "3 edited")
  })

  test("shows an edit whose own hash was made to fit, at the next event", async () => {
    const { events } = await sample()
    const [, forged] = resealed(changed(events, 1, { data: { amount: "0.01" } }))
    assert.equal(await fault([events[0], forged, ...events.slice(2)]), "3 broken_link")
  })

  test("shows a full rewrite and a cut tail against a receipt, and only so", async () => {
    const { events, receipts } = await sample()
    const rewritten = resealed(changed(events, 1, { data: { amount: "0.01" } }))
    assert.equal(await fault(rewritten), "ok")
    assert.equal(await fault(rewritten, receipts), "2 receipt_mismatch")
    assert.equal(await fault(rewritten, receipts.slice(2, 3)), "4 receipt_mismatch")
    assert.equal(await fault(events.slice(0, 3)), "ok")
    assert.equal(await fault(events.slice(0, 3), receipts), "4 receipt_missing")
  })

  test("shows a rewrite by two receipts of one position, whichever comes last", async () => {
    const { events, receipts } = await sample()
    const [first] = receipts
    assert(first !== undefined)
    const other = { ...first, hash: "0".repeat(64) }
    for (const both of [
      [first, other],
      [other, first],
    ])
      assert.equal(await fault(events, both), "2 receipt_mismatch")
    assert.equal(await fault(events, [{ ...first, wallet: "other" }]), "2 wrong_wallet")
  })

  test("is not called sound for receipts that nobody could read", async () => {
    const { events, receipts } = await sample()
    const wrong: readonly unknown[] = [
      { receipt: receipts },
      { receipts: 5 },
      { receipts: [null] },
      { receipts: [{}] },
      null,
      { receipts: ["{}"] },
    ]
    for (const options of wrong) {
      await assert.rejects(
        verifyTrail(events, options as never),
        { code: "invalid_option" },
        JSON.stringify(options),
      )
    }
    await assert.rejects(verifyTrail(5 as never), { code: "invalid_option" })
  })

  test("shows events of another wallet and times that run backwards, though every hash fits", async () => {
    const { events } = await sample()
    assert.equal(await fault(resealed(changed(events, 2, { wallet: "other" }))), "3 wrong_wallet")
    assert.equal(
      await fault(resealed(changed(events, 2, { at: "2020-01-01T00:00:00.000Z" }))),
      "3 time_reversed",
    )
  })

  test("survives what is no event at all", async () => {
    const { events } = await sample()
    for (const junk of [null, 5, "x", {}, [], { seq: "1" }]) assert.equal(await fault([junk]), "1 malformed")
    const hostile = { ...events[0], data: { when: new Date(0) } }
    assert.equal(await fault([hostile]), "1 edited")
  })

  test("verifies without Node's own crypto, as in a browser", async () => {
    const { events } = await sample()
    const original = process.getBuiltinModule
    const module = `./digest.ts?browser=${Date.now()}`
    try {
      Object.defineProperty(process, "getBuiltinModule", {
        value: undefined,
        configurable: true,
        writable: true,
      })
      const { sha256: portable } = (await import(module)) as typeof import("./digest.ts")
      const { hash, ...sealed } = events[0] as TrailEvent
      assert.equal(portable(canonicalJson(sealed, "event")), hash)
    } finally {
      Object.defineProperty(process, "getBuiltinModule", {
        value: original,
        configurable: true,
        writable: true,
      })
    }
  })
})

describe("a ledger file that was tampered with", () => {
  const tamper = async ({ path }: Sample, change: (database: DatabaseSync) => void) => {
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

  test("gives its trail up to the damage, then says so", async () => {
    const { path } = await sample()
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
    const { path } = await sample()
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

  test("may lose its texts, which only digests record", async () => {
    assert.equal(await tamper(await sample(), (database) => database.exec("DELETE FROM disclosure")), "ok")
  })
})
