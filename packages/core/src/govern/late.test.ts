import assert from "node:assert/strict"
import { join } from "node:path"
import { describe, test } from "vitest"
import { call, counter, soundly, terms, turn, used } from "../../test/stage.ts"
import { temporaryFolder } from "../../test/temporary-folder.ts"
import { ReviewDesk } from "../desk/review-desk.ts"
import { testWallet } from "../testing/index.ts"
import { Wallet } from "../wallet/wallet.ts"

describe("a claim", () => {
  test("that is heard of after its lease has ended runs nothing, and its key is asked anew", async () => {
    const stage = await testWallet(terms)
    const commit = stage.ledger.commit.bind(stage.ledger)
    const { promise, resolve } = Promise.withResolvers<void>()
    let delays = true
    stage.ledger.commit = async (...given) => {
      const settled = await commit(...given)
      const isFirst = delays
      delays = false
      if (isFirst) await promise
      return settled
    }
    const tool = counter()
    const suspended = stage.wallet.govern(call, tool.run)
    await turn()
    stage.clock.advance("61s")
    resolve()
    const outcome = await suspended
    assert.deepEqual([outcome.status, tool.runs], ["done", 1])
    assert.deepEqual(await used(stage), ["0.00", "5.00"])
    assert.deepEqual(await stage.desk.unknown(), [])
    await soundly(stage)
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
  test("takes nobody else's call with it", async () => {
    const folder = temporaryFolder()
    await using wallet = await Wallet.create({ owner: "o", ...terms, ledger: join(folder.path, "ledger.db") })
    await using desk = await ReviewDesk.open({ ledger: join(folder.path, "ledger.db"), reviewer: "ana" })
    const failed = await wallet.govern(call, () => {
      throw new Error("no")
    })
    await desk.release(failed.decision)
    const busy = wallet.pay({ amount: 1, to: "openai" })
    const answers = await Promise.all([
      busy,
      wallet.govern(call, counter().run),
      desk.adjust(failed.decision, 2, { reason: "it was charged" }),
      wallet.pay({ amount: 1, to: "openai" }),
    ])
    assert.equal(answers[3].status, "approved")
    const report = await wallet.verify()
    assert(report.ok, report.ok ? "" : report.message)
    folder.remove()
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
    const left = () => file.prepare("SELECT count(*) AS left FROM disclosure").get()?.["left"]
    while (left() !== 0) await new Promise((pause) => setTimeout(pause, 50))
    file.close()
    await wallet.close()
    folder.remove()
  })
})
