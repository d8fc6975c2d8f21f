import assert from "node:assert/strict"
import { join } from "node:path"
import { describe, test } from "vitest"
import { boom, call, counter, soundly, suspendNextCommit, terms, turn, used } from "../../test/stage.ts"
import { temporaryFolder } from "../../test/temporary-folder.ts"
import { ReviewDesk } from "../desk/review-desk.ts"
import { adjustStep } from "../engine/outcome.ts"
import { withdrawStep } from "../engine/review.ts"
import { sqliteLedger } from "../ledger/sqlite/sqlite-ledger.ts"
import { testWallet } from "../testing/index.ts"
import { Wallet } from "../wallet/wallet.ts"
import type { CurrentSpend } from "./current-spend.ts"

describe("a claim", () => {
  test("that is heard of after its lease has ended runs nothing, and its key is asked anew", async () => {
    const stage = await testWallet(terms)
    const wake = suspendNextCommit(stage)
    const tool = counter()
    const suspended = stage.wallet.govern(call, tool.run)
    await turn()
    const first = await stage.wallet.decision(call.key)
    stage.clock.advance("61s")
    wake()
    const outcome = await suspended
    assert.deepEqual([outcome.status, tool.runs], ["done", 1])
    assert.notEqual(outcome.decision.id, first?.id)
    assert.equal((await stage.wallet.decision(first?.id ?? ""))?.execution.state, "released")
    assert.deepEqual(await used(stage), ["0.00", "5.00"])
    await soundly(stage)
  })

  test("that is heard of too late gives an approval and a held failure back as they were", async () => {
    for (const state of ["approved", "failed"]) {
      const stage = await testWallet(terms)
      const earlier =
        state === "approved"
          ? await stage.wallet.govern({ ...call, amount: 15 + 10 }, counter().run)
          : await stage.wallet.govern(call, boom)
      if (state === "approved") await stage.desk.approve(earlier.decision)
      const wake = suspendNextCommit(stage)
      const keys: string[] = []
      const tool = async (spend: CurrentSpend) => keys.push(spend.idempotencyKey)
      const suspended = stage.wallet.govern({ ...call, idempotent: true }, tool)
      await turn()
      stage.clock.advance("61s")
      wake()
      const outcome = await suspended
      assert.deepEqual([state, outcome.status, keys], [state, "done", [earlier.decision.id]])
      await soundly(stage)
    }
  })

  test("whose outcome is lost is listed with all that a reviewer needs, at the first look", async () => {
    const folder = temporaryFolder()
    const ledger = join(folder.path, "ledger.db")
    let now = Date.parse("2026-11-22T10:00:00Z")
    const clock = { now: () => new Date(now) }
    const wallet = await Wallet.create({ owner: "o", ...terms, ledger, clock })
    const { promise, resolve } = Promise.withResolvers<string>()
    const run = wallet.govern(call, () => promise)
    await turn()
    now += 61_000
    await using desk = await ReviewDesk.open({ ledger, clock, reviewer: "ana" })
    const [lost] = await desk.unknown()
    assert.deepEqual([lost?.args, lost?.purpose], [{ q: "cats" }, "search"])
    resolve("late")
    await run
    await wallet.close()
    folder.remove()
  })
})

describe("a key that moves within a batch", () => {
  test("is free before it is taken, in whatever order its decisions change", async () => {
    const folder = temporaryFolder()
    const path = join(folder.path, "ledger.db")
    await using wallet = await Wallet.create({ owner: "o", ...terms, ledger: path })
    await using desk = await ReviewDesk.open({ ledger: path, reviewer: "ana" })
    const { decision: before } = await wallet.govern(call, boom)
    await desk.release(before)
    const { decision: asked } = await wallet.govern({ ...call, amount: 30 }, counter().run)
    assert.equal(asked.previous, before.id)
    const ledger = await sqliteLedger(path)
    const steps = [adjustStep(before.id, 2n, { actor: { name: "ana" } }), withdrawStep(asked.id, before.id)]
    const entries = steps.map((step) => ({ wallet: "o", step }))
    const settled = await ledger.commit(entries, Date.now)
    assert.deepEqual(
      settled.map(({ ok }) => ok),
      [true, true],
    )
    assert.equal((await wallet.decision(call.key))?.id, before.id)
    const report = await wallet.verify()
    assert(report.ok, report.ok ? "" : report.message)
    await ledger.close()
    folder.remove()
  })
})

describe("a repeat of pay that is aborted", () => {
  test("leaves the decision before it behind its key", async () => {
    const stage = await testWallet(terms)
    const intent = { amount: 1, to: "openai", idempotencyKey: "k" }
    const first = await stage.wallet.pay(intent)
    await stage.wallet.release(first)
    const controller = new AbortController()
    const again = stage.wallet.pay({ ...intent, signal: controller.signal })
    queueMicrotask(() => queueMicrotask(() => controller.abort()))
    await assert.rejects(again, { code: "aborted" })
    await turn()
    assert.equal((await stage.wallet.decision("k"))?.id, first.id)
    await soundly(stage)
  })
})

describe("retention", () => {
  const secret = "walrus-52"

  test("follows a clock that was set back", async () => {
    const stage = await testWallet({ ...terms, retention: "7d" })
    const before = stage.clock.now()
    stage.clock.advance("365d")
    const { decision } = await stage.wallet.govern({ ...call, args: secret }, () => secret)
    await stage.desk.adjust(decision, 1, { reason: secret })
    stage.clock.set(before)
    await stage.desk.resetClock("a year ahead")
    stage.clock.advance("8d")
    await stage.wallet.pay({ amount: 1, to: "openai" })
    await turn()
    assert.equal((await stage.desk.decision(decision.id))?.args, undefined)
    const remarks: unknown[] = []
    for await (const { remark } of stage.wallet.trail()) if (remark !== undefined) remarks.push(remark)
    assert.deepEqual(remarks, [])
    await soundly(stage)
  })

  test("takes the texts of a rejection, not the news of it", async () => {
    const stage = await testWallet(terms)
    const asked = await stage.wallet.pay({ amount: 30, to: "openai", run: { thread: "t1" } })
    await stage.desk.reject(asked)
    stage.clock.advance("8d")
    await stage.wallet.pay({ amount: 1, to: "openai" })
    await turn()
    const { value } = await stage.wallet.reviewed().next()
    assert.deepEqual([value?.run.thread, value?.purpose], ["t1", ""])
  })

  test("goes on by itself until nothing is left that is due, however much there is", async () => {
    const folder = temporaryFolder()
    const ledger = join(folder.path, "ledger.db")
    let now = Date.parse("2026-11-22T10:00:00Z")
    const clock = { now: () => new Date(now) }
    const wallet = await Wallet.create({ owner: "o", dailyLimit: 10_000, ledger, clock })
    const settle = async () => wallet.settle(await wallet.pay({ amount: 1, to: "openai", args: secret }))
    await Promise.all(Array.from({ length: 700 }, settle))
    now += 8 * 86_400_000
    await wallet.balance()
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite")
    const file = new DatabaseSync(ledger)
    const left = () =>
      file.prepare("SELECT count(*) AS left FROM disclosure WHERE texts <> '{}'").get()?.["left"]
    while (left() !== 0) await new Promise((pause) => setTimeout(pause, 50))
    file.close()
    await wallet.close()
    folder.remove()
  })
})

describe("a run whose outcome leaves nothing to keep", () => {
  test.each<readonly [string, unknown]>([
    ["a text that is no Unicode", new Error("x\ud83d")],
    ["what JSON does not hold", { a: 1n }],
    ["nothing", undefined],
  ])("takes the place of the one before, and the trail verifies: %s", async (_name, thrown) => {
    const stage = await testWallet({ dailyLimit: 100 })
    const call = { tool: "t", key: "k", amount: 1, to: "x", idempotent: true } as const
    for (const error of [new Error("first"), thrown]) {
      await stage.wallet.govern(call, () => {
        throw error
      })
      assert((await stage.wallet.verify()).ok)
    }
  })

  test("also where a late result came between", async () => {
    const stage = await testWallet({ dailyLimit: 100 })
    await using other = await Wallet.connect({
      owner: stage.wallet.owner,
      ledger: stage.ledger,
      clock: stage.clock,
    })
    const call = { tool: "t", key: "k", amount: 1, to: "x", idempotent: true } as const
    const [one, two] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()]
    const first = stage.wallet.govern(call, () => one.promise)
    while ((await stage.wallet.decision("k"))?.execution.state !== "running") await turn()
    stage.clock.advance("2m")
    const second = other.govern(call, () => two.promise)
    while ((await stage.wallet.decision("k"))?.execution.state !== "running") await turn()
    await turn()
    one.resolve("late")
    await first
    two.reject(new Error("second"))
    await second
    assert((await stage.wallet.verify()).ok)
  })
})
