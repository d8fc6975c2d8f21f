import assert from "node:assert/strict"
import { join } from "node:path"
import { describe, test, vi } from "vitest"
import { requireError } from "../../test/require-error.ts"
import { soundly, terms, turn } from "../../test/stage.ts"
import { temporaryFolder } from "../../test/temporary-folder.ts"
import { ReviewDesk } from "../desk/review-desk.ts"
import type { Decision } from "../spend/decision.ts"
import { type TestWallet, testWallet } from "../testing/index.ts"
import { Wallet } from "./wallet.ts"

const queue = ({ wallet }: Pick<TestWallet, "wallet">, thread: string, agent?: string) =>
  wallet.pay({ amount: 10, to: "openai", run: { thread, agent } })

const reviewAll = { ...terms, dailyLimit: 500, requireApprovalAbove: 0 } as const

/** The next item of a watcher, or "nothing" where none comes within a turn of the loop or two. */
async function nextOrNothing(watcher: AsyncIterator<Decision>): Promise<string | undefined> {
  const next = watcher.next().then(({ value }) => (value as Decision | undefined)?.run.thread)
  const pause = new Promise<string>((resolve) => setTimeout(resolve, 30, "nothing"))
  return Promise.race([next, pause])
}

describe("waiting for a decision", () => {
  test("ends when a reviewer approves, rejects or the caller cancels", async () => {
    const stage = await testWallet(reviewAll)
    const acts = [
      (decision: Decision) => stage.desk.approve(decision),
      (decision: Decision) => stage.desk.reject(decision),
      (decision: Decision) => stage.wallet.cancel(decision),
    ]
    const answers = []
    for (const act of acts) {
      const decision = await queue(stage, "t")
      const waiting = stage.wallet.waitForDecision(decision)
      await act(decision)
      answers.push([(await waiting).status, (await waiting).approval?.state])
    }
    assert.deepEqual(answers, [
      ["approved", "approved"],
      ["rejected", "rejected"],
      ["rejected", "canceled"],
    ])
  })

  test("ends when it expires, and commits that", async () => {
    const stage = await testWallet(reviewAll)
    const waiting = stage.wallet.waitForDecision(await queue(stage, "t"))
    await turn()
    stage.clock.advance("24h")
    assert.equal((await waiting).approval?.state, "expired")
    const types: string[] = []
    for await (const { type } of stage.wallet.trail()) types.push(type)
    assert.equal(types.at(-1), "approval.resolved")
  })

  test("is over at once for what is decided, and for what is not there an error", async () => {
    const { wallet } = await testWallet(terms)
    const decision = await wallet.pay({ amount: 1, to: "openai" })
    assert.equal((await wallet.waitForDecision(decision.id)).status, "approved")
    await assert.rejects(wallet.waitForDecision("dec_x"), { code: "decision_not_found" })
    await assert.rejects(wallet.waitForDecision(decision, { signal: 5 as never }), { code: "invalid_option" })
  })

  test("ends with its signal and with the wallet, and leaves the decision as it is", async () => {
    const stage = await testWallet(reviewAll)
    const decision = await queue(stage, "t")
    const controller = new AbortController()
    const aborted = stage.wallet.waitForDecision(decision, { signal: controller.signal })
    const closed = stage.wallet.waitForDecision(decision)
    controller.abort()
    await assert.rejects(aborted, (error) => requireError(error, "aborted", /stays as it is/))
    await stage.wallet.close()
    await assert.rejects(closed, { code: "wallet_closed" })
    assert.equal((await stage.desk.pending()).length, 1)
  })

  test("hears of a review in another process's ledger object", async () => {
    const folder = temporaryFolder()
    const ledger = join(folder.path, "ledger.db")
    await using wallet = await Wallet.create({ owner: "o", ...reviewAll, ledger })
    const decision = await wallet.pay({ amount: 5, to: "openai" })
    const waiting = wallet.waitForDecision(decision)
    const { sqliteLedger } = await import("../ledger/sqlite/sqlite-ledger.ts")
    const other = await sqliteLedger(ledger)
    await using desk = await ReviewDesk.open({ ledger: other, reviewer: "ana" })
    await desk.approve(decision)
    assert.equal((await waiting).approval?.by, "ana")
    await other.close()
    folder.remove()
  })

  test("does not hang under fake timers", async () => {
    vi.useFakeTimers()
    try {
      const stage = await testWallet(reviewAll)
      const waiting = stage.wallet.waitForDecision(await queue(stage, "t"))
      await stage.desk.approve((await stage.desk.pending())[0] as Decision)
      assert.equal((await waiting).status, "approved")
    } finally {
      vi.useRealTimers()
    }
  })
})

describe("reviewed decisions", () => {
  test("begin with those that nobody has taken up yet, and say which thread to resume", async () => {
    const stage = await testWallet(reviewAll)
    const first = await queue(stage, "t1")
    const second = await queue(stage, "t2")
    await stage.desk.approve(first)
    await stage.desk.reject(second)
    const watcher = stage.wallet.reviewed()
    const seen = []
    for (let index = 0; index < 2; index++) {
      const { value } = await watcher.next()
      seen.push([value?.run.thread, value?.status])
    }
    assert.deepEqual(seen, [
      ["t1", "approved"],
      ["t2", "rejected"],
    ])
    const third = watcher.next()
    await stage.desk.approve(await queue(stage, "t3"))
    assert.equal((await third).value?.run.thread, "t3")
    await soundly(stage)
  })

  test("go to one of two watchers each, and never two of a thread at once", async () => {
    const stage = await testWallet(reviewAll)
    const watchers = [stage.wallet.reviewed(), stage.wallet.reviewed()] as const
    for (const thread of ["t1", "t1", "t2"]) await stage.desk.approve(await queue(stage, thread))
    const held = [(await watchers[0].next()).value?.run.thread, (await watchers[1].next()).value?.run.thread]
    assert.deepEqual(held, ["t1", "t2"])
    const controller = new AbortController()
    const free = stage.wallet.reviewed({ signal: controller.signal })
    assert.equal(await nextOrNothing(free), "nothing")
    controller.abort()
    await free.next()
    assert.equal((await watchers[0].next()).value?.run.thread, "t1")
  })

  test("of a watcher that died come again when its lease ends", async () => {
    const stage = await testWallet(reviewAll)
    await stage.desk.approve(await queue(stage, "t1"))
    const dead = stage.wallet.reviewed()
    await dead.next()
    const living = stage.wallet.reviewed()
    const next = living.next()
    assert.equal(
      await Promise.race([next, new Promise((done) => setTimeout(done, 30, "nothing"))]),
      "nothing",
    )
    stage.clock.advance("61s")
    assert.equal((await next).value?.run.thread, "t1")
  })

  test("of a watcher that breaks off come again at once; those it was done with do not", async () => {
    const stage = await testWallet(reviewAll)
    for (const thread of ["t1", "t2"]) await stage.desk.approve(await queue(stage, thread))
    for await (const { run } of stage.wallet.reviewed()) if (run.thread === "t2") break
    const again = stage.wallet.reviewed()
    assert.equal((await again.next()).value?.run.thread, "t2")
    assert.equal(await nextOrNothing(again), "nothing")
  })

  test("that the caller itself resumed are nobody's any more", async () => {
    const stage = await testWallet(reviewAll)
    const call = { tool: "search", key: "k", amount: 5, to: "openai" }
    const { decision } = await stage.wallet.govern(call, () => "ran")
    await stage.desk.approve(decision)
    await stage.wallet.govern(call, () => "ran")
    assert.equal(await nextOrNothing(stage.wallet.reviewed()), "nothing")
  })

  test("include what expired, when it does", async () => {
    const stage = await testWallet(reviewAll)
    await queue(stage, "t1")
    const next = stage.wallet.reviewed().next()
    await turn()
    stage.clock.advance("24h")
    assert.equal((await next).value?.approval?.state, "expired")
  })

  test("of an agent's wallet are its own", async () => {
    const stage = await testWallet(reviewAll)
    await stage.desk.approve(await queue(stage, "t1", "buyer"))
    await stage.desk.approve(await queue(stage, "t2", "writer"))
    assert.equal((await stage.wallet.forAgent("writer").reviewed().next()).value?.run.thread, "t2")
  })

  test("of one thread wait for each other in the wallets of different agents, too", async () => {
    const stage = await testWallet(reviewAll)
    for (const agent of ["a", "b"]) await stage.desk.approve(await queue(stage, "t1", agent))
    const first = stage.wallet.forAgent("a").reviewed()
    assert.equal((await first.next()).value?.run.agent, "a")
    const second = stage.wallet.forAgent("b").reviewed()
    const next = second.next()
    assert.equal(await Promise.race([next, turn()]), undefined)
    await first.return(undefined)
    stage.clock.advance("61s")
    assert.equal((await Promise.race([next])).done, false)
  })

  test("end with their signal and with the wallet", async () => {
    const stage = await testWallet(reviewAll)
    const controller = new AbortController()
    const seen: unknown[] = []
    const loop = (async () => {
      for await (const decision of stage.wallet.reviewed({ signal: controller.signal })) seen.push(decision)
    })()
    const other = stage.wallet.reviewed().next()
    controller.abort()
    await loop
    await stage.wallet.close()
    assert.equal((await other).done, true)
    assert.deepEqual(seen, [])
  })
})
