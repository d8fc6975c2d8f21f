import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { afterEach, beforeEach, describe, test } from "vitest"
import { temporaryFolder } from "../../test/temporary-folder.ts"
import { governed, ReviewDesk, Wallet } from "../index.ts"
import { type TestClock, testClock } from "../testing/test-clock.ts"

let folder = temporaryFolder()
let ledger = ""
let wallet: Wallet
let clock: TestClock
beforeEach(async () => {
  folder = temporaryFolder()
  ledger = join(folder.path, "ledger.db")
  clock = testClock("2026-11-23T10:00:00Z")
  wallet = await Wallet.create({ owner: "o", dailyLimit: 100, requireApprovalAbove: 25, ledger, clock })
})
afterEach(async () => {
  await wallet.close()
  folder.remove()
})

const digest = `sha256:${"ab".repeat(32)}`

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 200 && !(await isTrue()); turn++) await pause(20)
  assert(await isTrue())
}

async function eventsOf(
  type: string,
): Promise<readonly { readonly data: Record<string, unknown>; readonly remark?: string }[]> {
  const found = []
  for await (const event of wallet.trail()) if (event.type === type) found.push(event)
  return found as never
}

describe("evidence", () => {
  test("joins a decision in any state, once, and the trail verifies", async () => {
    const { id } = await wallet.pay({ amount: 30, to: "x" })
    const attached = await wallet.attach(id, {
      kind: "quote",
      url: "https://vendor.example/q/7",
      note: "by mail",
    })
    assert.deepEqual(
      attached.evidence?.map(({ kind, url }) => [kind, url]),
      [["quote", "https://vendor.example/q/7"]],
    )
    const again = await wallet.attach(id, { kind: "quote", url: "https://vendor.example/q/7" })
    assert.equal(again.replayed, true)
    await using desk = await ReviewDesk.open({ ledger, clock, reviewer: "ana" })
    await desk.approve(id)
    await desk.attach(id, { kind: "file", digest })
    await wallet.settle(id, 29)
    await wallet.attach(id, { kind: "invoice", url: "urn:invoice:7", digest })
    const decision = await wallet.decision(id)
    assert.deepEqual(
      decision?.evidence?.map(({ kind }) => kind),
      ["quote", "file", "invoice"],
    )
    assert.equal(decision?.execution.settled, "29.00")
    const told = await eventsOf("evidence.attached")
    assert.deepEqual(
      told.map(({ data, remark }) => [data["kind"], data["by"], remark]),
      [
        ["quote", undefined, "by mail"],
        ["file", "ana", undefined],
        ["invoice", undefined, undefined],
      ],
    )
    assert((await wallet.verify()).ok)
  })

  test("with a note always joins, as nobody can tell what a note said once it is gone", async () => {
    const { id } = await wallet.pay({ amount: 1, to: "x" })
    for (let times = 0; times < 2; times++) await wallet.attach(id, { kind: "note", note: "by mail" })
    assert.equal((await eventsOf("evidence.attached")).length, 2)
  })

  test("comes from the terms of a tool, with its outcome, in one commit", async () => {
    const buy = governed(async ({ n }: { n: number }) => ({ invoice: n }), {
      ...{ name: "buy", wallet, amount: 1, to: "x" },
      evidence: ({ invoice }, { n }) => [
        { kind: "invoice", url: `urn:invoice:${invoice}` },
        { kind: "order", note: `order ${n}` },
      ],
    })
    const outcome = await buy({ n: 7 }, { key: "k" })
    assert(outcome.status === "done")
    assert.deepEqual(
      outcome.decision.evidence?.map(({ kind, url }) => [kind, url]),
      [
        ["invoice", "urn:invoice:7"],
        ["order", undefined],
      ],
    )
    const replay = await buy({ n: 7 }, { key: "k" })
    assert(replay.status === "done" && replay.decision.evidence?.length === 2)
  })

  test("that a tool's terms cannot give changes nothing about the call, and a warning says so", async () => {
    const warned: string[] = []
    const onWarning = ({ message }: Error) => void warned.push(message)
    process.on("warning", onWarning)
    for (const [key, evidence] of Object.entries({
      throws: () => {
        throw new Error("no invoice")
      },
      wrong: () => ({ kind: "" }) as never,
    })) {
      const buy = governed(async (_args: object) => 1, { name: "buy", wallet, amount: 1, to: "x", evidence })
      const outcome = await buy({}, { key })
      assert(
        outcome.status === "done" &&
          outcome.decision.execution.state === "settled" &&
          outcome.decision.evidence === undefined,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
    process.off("warning", onWarning)
    assert(warned.some((message) => message.includes("no invoice")))
    assert.throws(
      () => governed(async () => 1, { name: "b", wallet, amount: 1, to: "x", evidence: 5 as never }),
      { code: "invalid_option" },
    )
  })

  test("is refused where it shows nothing, holds a password or is not the agent's", async () => {
    const { id } = await wallet.pay({ amount: 1, to: "x" })
    const wrong = [
      {},
      { kind: "x" },
      { kind: "x", url: "no url" },
      { kind: "x", url: "https://user:pass@vendor.example" },
      { kind: "x", url: "blob:https://user:pass@vendor.example/id" },
      { kind: "x", digest: "abc" },
      { kind: "x", digest: "sha256:ABC" },
      { kind: "x", note: "a\u0000b" },
      { kind: "x", url: "urn:x", more: 1 },
      null,
    ]
    for (const each of wrong)
      await assert.rejects(wallet.attach(id, each as never), { code: "invalid_option" }, JSON.stringify(each))
    await assert.rejects(wallet.attach("dec_none", { kind: "x", note: "y" }), { code: "decision_not_found" })
    await assert.rejects(wallet.forAgent("a").attach(id, { kind: "x", note: "y" }), {
      code: "decision_not_found",
    })
    for (let index = 0; index < 100; index++) await wallet.attach(id, { kind: "x", url: `urn:x:${index}` })
    await assert.rejects(wallet.attach(id, { kind: "x", url: "urn:x:more" }), { code: "state_conflict" })
  })
})

describe("redaction", () => {
  test("deletes texts from the file at once and for good; the trail and its tables verify", async () => {
    const secret = "SECRET-OF-THE-CUSTOMER"
    const buy = governed(async (_args: object) => `${secret} result`, {
      name: "buy",
      wallet,
      amount: 30,
      to: "x",
      purpose: `${secret} purpose`,
    })
    const queued = await buy({ q: `${secret} args` }, { key: "k" })
    await using desk = await ReviewDesk.open({ ledger, clock, reviewer: "ana" })
    await assert.rejects(desk.redact(queued.decision.id, { reason: "gdpr" }), { code: "state_conflict" })
    await desk.approve(queued.decision.id, { comment: `${secret} comment` })
    const { decision } = await buy({ q: `${secret} args` }, { key: "k" })
    await desk.adjust(decision, 20, { reason: `${secret} reason` })
    await desk.redact(decision.id, { reason: "asked for by the customer", texts: ["args", "comment"] })
    const partly = await desk.decision(decision.id)
    assert.equal(partly?.args, undefined)
    assert.equal(partly?.purpose, `${secret} purpose`)
    const redacted = await desk.redact(decision.id, { reason: "all of it" })
    assert.equal(redacted.purpose, "")
    assert.equal((await eventsOf("spend.adjusted"))[0]?.remark, undefined)
    assert.deepEqual(
      (await eventsOf("texts.redacted")).map(({ data }) => data["by"]),
      ["ana", "ana"],
    )
    const replay = await buy({ q: `${secret} args` }, { key: "k" })
    assert(replay.status === "failed" && replay.message.includes("was not kept"))
    assert((await wallet.verify()).ok)
    for (const file of [ledger, `${ledger}-wal`]) assert(!readFileSync(file, "latin1").includes(secret), file)
  })

  test.each([
    [300, 1500],
    [700, 500],
    [1100, 100],
  ])("leaves nothing in the gaps of pages where texts of %i and %i lay", async (asked, given) => {
    const own = join(folder.path, "own.db")
    const wide = await Wallet.create({ owner: "w", dailyLimit: 1000, requireApprovalAbove: 0.5, ledger: own })
    const desk = await ReviewDesk.open({ ledger: own, reviewer: "ana" })
    const call = (index: number) =>
      wide.govern(
        { tool: "t", key: `k${index}`, amount: 1, to: "x", args: { secret: `ARGS-${"s".repeat(asked)}` } },
        async () => "r".repeat(given),
      )
    const all = Array.from({ length: 6 }, (_, index) => index)
    for (const index of all) await call(index)
    for (const decision of await desk.pending()) await desk.approve(decision)
    const decisions = []
    for (const index of all) decisions.push((await call(index)).decision)
    for (const { id } of decisions) await desk.redact(id, { reason: "gdpr" })
    for (const each of [desk, wide]) await each.close()
    const bytes = readFileSync(own, "latin1")
    for (const secret of ["ARGS-", "rrrr"]) assert(!bytes.includes(secret), secret)
  })

  test("leaves no salt with which a result could be guessed, and keeps no outcome that comes late", async () => {
    await using desk = await ReviewDesk.open({ ledger, clock, reviewer: "ana" })
    const buy = (key: string, run: () => Promise<string>) =>
      wallet.govern({ tool: "t", key, amount: 1, to: "x" }, run)
    const done = await buy("done", async () => "4711")
    await desk.redact(done.decision.id, { reason: "gdpr" })
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite")
    const texts = () => {
      const database = new DatabaseSync(ledger, { readOnly: true })
      const rows = database.prepare("SELECT texts FROM disclosure").all() as { readonly texts: string }[]
      database.close()
      return rows.map((row) => row.texts).filter((text) => text !== "{}")
    }
    assert.match(texts().join(), /^\{"result":\{"digest":"[\w-]{43}"\}\}$/)
    const { promise, resolve } = Promise.withResolvers<string>()
    const late = buy("late", () => promise)
    while ((await wallet.decision("late"))?.execution.state !== "running") await pause(10)
    clock.advance("2m")
    const [lost] = await desk.unknown()
    await desk.release(lost?.id ?? "")
    await desk.redact(lost?.id ?? "", { reason: "gdpr" })
    resolve("LATE")
    await late
    assert.doesNotMatch(texts().join(), /LATE|salt/)
    assert((await wallet.verify()).ok)
  })

  test("of a result keeps none that comes late, either", async () => {
    await using desk = await ReviewDesk.open({ ledger, clock, reviewer: "ana" })
    const call = { tool: "t", key: "two", amount: 1, to: "x", idempotent: true } as const
    const { promise, resolve } = Promise.withResolvers<string>()
    const first = wallet.govern(call, () => promise)
    while ((await wallet.decision("two"))?.execution.state !== "running") await pause(10)
    clock.advance("2m")
    await using other = await Wallet.connect({ owner: "o", ledger, clock })
    const { decision } = await other.govern(call, async () => "SECOND")
    await desk.redact(decision.id, { reason: "gdpr", texts: ["result"] })
    resolve("FIRST")
    await first
    const replay = await other.govern(call, async () => "never")
    assert(replay.status === "failed" && replay.message.includes("was not kept"))
    assert((await wallet.verify()).ok)
  })

  test("and evidence restart no retention", async () => {
    await using desk = await ReviewDesk.open({ ledger, clock, reviewer: "ana" })
    const { decision } = await wallet.govern(
      { tool: "t", key: "k", amount: 1, to: "x", args: "SECRET" },
      () => 1,
    )
    clock.advance("6d")
    await wallet.attach(decision.id, { kind: "invoice", url: "urn:invoice:1" })
    await desk.redact(decision.id, { reason: "gdpr", texts: ["purpose"] })
    assert.equal((await desk.decision(decision.id))?.args, "SECRET")
    clock.advance("25h")
    await wallet.balance()
    await until(async () => (await desk.decision(decision.id))?.args === undefined)
  })

  test("misses no comment that another writes meanwhile", async () => {
    const { id } = await wallet.pay({ amount: 1, to: "x" })
    await wallet.settle(id)
    await using ana = await ReviewDesk.open({ ledger, clock, reviewer: "ana" })
    await using bob = await ReviewDesk.open({ ledger, clock, reviewer: "bob" })
    await Promise.all([
      ...Array.from({ length: 10 }, (_, index) => bob.adjust(id, index, { reason: `reason ${index}` })),
      ana.redact(id, { reason: "gdpr" }),
    ])
    const [redacted] = await eventsOf("texts.redacted")
    const before = (await eventsOf("spend.adjusted")).filter(
      (event) => (event as unknown as { seq: number }).seq < (redacted as unknown as { seq: number }).seq,
    )
    assert(before.every(({ remark }) => remark === undefined))
    assert((await wallet.verify()).ok)
  })

  test("says why, and names what it deletes", async () => {
    const { id } = await wallet.pay({ amount: 1, to: "x" })
    await wallet.settle(id)
    await using desk = await ReviewDesk.open({ ledger, clock, reviewer: "ana" })
    for (const why of [
      {},
      { reason: "" },
      { reason: "x", texts: [] },
      { reason: "x", texts: ["amount"] },
      { reason: "x", more: 1 },
    ]) {
      await assert.rejects(desk.redact(id, why as never), { code: "invalid_option" }, JSON.stringify(why))
    }
    await using own = await ReviewDesk.open({ ledger, clock, reviewer: "o" })
    await assert.rejects(own.redact(id, { reason: "x" }), { code: "reviewer_refused" })
  })
})
