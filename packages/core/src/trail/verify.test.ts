import assert from "node:assert/strict"
import { join } from "node:path"
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
  return { events, receipts }
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
