import assert from "node:assert/strict"
import { afterEach, describe, test, vi } from "vitest"
import { NornrError } from "../error/nornr-error.ts"
import type { Entry, Ledger } from "../ledger/ledger.ts"
import { memoryLedger } from "../ledger/memory.ts"
import { Wallet } from "../wallet/wallet.ts"
import { createEngine } from "./engine.ts"
import { cancelStep } from "./review.ts"

/** A real ledger whose commits wait, before or after they happen, until the test lets them go. */
function gatedLedger(when: "before" | "after") {
  const inner = memoryLedger()
  const batches: number[] = []
  let gate = Promise.resolve()
  let letGo = () => {}
  const ledger: Ledger = {
    ...inner,
    async commit(entries: readonly Entry[], clock) {
      batches.push(entries.length)
      if (when === "before") await gate
      const settled = await inner.commit(entries, clock)
      if (when === "after") await gate
      return settled
    },
  }
  return {
    inner,
    ledger,
    batches,
    shut() {
      gate = new Promise((resolve) => {
        letGo = resolve
      })
    },
    open: () => letGo(),
  }
}

const terms = { owner: "o", dailyLimit: 10, requireApprovalAbove: 5 } as const

async function held(wallet: Wallet): Promise<string | undefined> {
  return (await wallet.balance()).limits[0]?.held
}

afterEach(() => void vi.useRealTimers())

describe("an ask that is aborted", () => {
  test("before it is asked, does nothing", async () => {
    const wallet = await Wallet.create({ ...terms, ledger: memoryLedger() })
    const reason = new Error("user left")
    await assert.rejects(wallet.pay({ amount: 1, to: "openai", signal: AbortSignal.abort(reason) }), {
      code: "aborted",
      cause: reason,
    })
    assert.equal(await held(wallet), "0.00")
  })

  test("before its commit, leaves nothing", async () => {
    const gated = gatedLedger("before")
    const wallet = await Wallet.create({ ...terms, ledger: gated.ledger })
    gated.shut()
    const controller = new AbortController()
    const asked = wallet.pay({ amount: 1, to: "openai", signal: controller.signal })
    controller.abort()
    await assert.rejects(asked, { code: "aborted" })
    gated.open()
    assert.equal((await wallet.pay({ amount: 2, to: "openai" })).receipt.seq, 2)
  })

  test("after its commit, withdraws what it made and frees its key", async () => {
    for (const amount of [1, 8]) {
      const gated = gatedLedger("after")
      const wallet = await Wallet.create({ ...terms, ledger: gated.ledger })
      gated.shut()
      const controller = new AbortController()
      const intent = { amount, to: "openai", idempotencyKey: "k" }
      const asked = wallet.pay({ ...intent, signal: controller.signal })
      await new Promise((resolve) => setImmediate(resolve))
      controller.abort()
      await assert.rejects(asked, { code: "aborted" })
      gated.open()
      const again = await wallet.pay(intent)
      assert.deepEqual([again.status, again.replayed], [amount === 1 ? "approved" : "queued", undefined])
      assert.equal(await held(wallet), amount === 1 ? "1.00" : "8.00")
      assert((await wallet.verify()).ok)
    }
  })

  test("after its commit, leaves a decision that was there before it", async () => {
    const gated = gatedLedger("after")
    const wallet = await Wallet.create({ ...terms, ledger: gated.ledger })
    const intent = { amount: 1, to: "openai", idempotencyKey: "k" }
    const first = await wallet.pay(intent)
    gated.shut()
    const controller = new AbortController()
    const asked = wallet.pay({ ...intent, signal: controller.signal })
    await new Promise((resolve) => setImmediate(resolve))
    controller.abort()
    await assert.rejects(asked, { code: "aborted" })
    gated.open()
    assert.equal((await wallet.decision(first.id))?.status, "approved")
    assert.equal(await held(wallet), "1.00")
  })
})

describe("a wallet that is closed", () => {
  test("withdraws what was aborted first", async () => {
    const gated = gatedLedger("after")
    const wallet = await Wallet.create({ ...terms, ledger: gated.ledger })
    const other = await Wallet.connect({ owner: terms.owner, ledger: gated.inner })
    gated.shut()
    const controller = new AbortController()
    const asked = wallet.pay({ amount: 4, to: "openai", signal: controller.signal })
    await new Promise((resolve) => setImmediate(resolve))
    controller.abort()
    const closed = wallet.close()
    gated.open()
    await assert.rejects(asked, { code: "aborted" })
    await closed
    assert.equal(await held(other), "0.00")
  })
})

describe("a repeat of an ask that is aborted", () => {
  test("keeps the decision that it was given", async () => {
    const gated = gatedLedger("after")
    const here = await Wallet.create({ ...terms, ledger: gated.ledger })
    const there = await Wallet.connect({
      owner: terms.owner,
      ledger: { ...gated.ledger, commit: gated.inner.commit },
    })
    gated.shut()
    const controller = new AbortController()
    const intent = { amount: 1, to: "openai", idempotencyKey: "k" }
    const asked = here.pay({ ...intent, signal: controller.signal })
    await new Promise((resolve) => setImmediate(resolve))
    const repeated = await there.pay(intent)
    controller.abort()
    await assert.rejects(asked, { code: "aborted" })
    gated.open()
    await here.pay({ amount: 0, to: "openai" })
    assert.equal((await there.decision(repeated.id))?.status, "approved")
    assert.equal(await held(there), "1.00")
  })
})

describe("two askers of one key that are both aborted", () => {
  test("leave nothing held", async () => {
    const gated = gatedLedger("after")
    const wallet = await Wallet.create({ ...terms, ledger: gated.ledger })
    gated.shut()
    const controller = new AbortController()
    const intent = { amount: 4, to: "openai", idempotencyKey: "k", signal: controller.signal }
    const asked = [wallet.pay(intent), wallet.pay(intent)]
    await new Promise((resolve) => setImmediate(resolve))
    controller.abort()
    for (const each of asked) await assert.rejects(each, { code: "aborted" })
    gated.open()
    await wallet.pay({ amount: 0, to: "openai" })
    assert.equal(await held(wallet), "0.00")
  })
})

describe("a commit past its deadline", () => {
  const step = { reads: () => ({}), work: () => ({ result: "done" }) }

  test("fails its caller in time and is withdrawn when it comes through after all", async () => {
    const gated = gatedLedger("after")
    const wallet = await Wallet.create({ ...terms, ledger: gated.ledger })
    const { id } = await wallet.pay({ amount: 1, to: "openai" })
    const engine = createEngine({ ledger: gated.ledger, clock: Date.now, deadline: 20 })
    gated.shut()
    const undo = () => cancelStep(id)
    await assert.rejects(engine.commit("o", step, { undo }), { code: "ledger_timeout" })
    gated.open()
    await new Promise((resolve) => setTimeout(resolve, 10))
    assert.equal((await wallet.decision(id))?.reasons[0]?.code, "canceled")
  })

  test("fails those that wait behind it, too, and never runs them", async () => {
    const gated = gatedLedger("before")
    const engine = createEngine({ ledger: gated.ledger, clock: Date.now, deadline: 20 })
    gated.shut()
    let ran = 0
    const counting = { reads: () => ({}), work: () => ({ result: ran++ }) }
    const first = engine.commit("o", counting)
    await new Promise((resolve) => setImmediate(resolve))
    const second = engine.commit("o", counting)
    await assert.rejects(first, { code: "ledger_timeout" })
    await assert.rejects(second, { code: "ledger_timeout" })
    gated.open()
    assert.equal(await engine.commit("o", step), "done")
    assert.equal(ran, 0)
  })
})

describe("group commit", () => {
  test("gathers what arrives while a commit is under way into the next", async () => {
    const gated = gatedLedger("before")
    const wallet = await Wallet.create({ ...terms, dailyLimit: 100, ledger: gated.ledger })
    gated.batches.length = 0
    gated.shut()
    const first = wallet.pay({ amount: 1, to: "openai" })
    await new Promise((resolve) => setImmediate(resolve))
    const rest = Array.from({ length: 20 }, () => wallet.pay({ amount: 1, to: "openai" }))
    await new Promise((resolve) => setImmediate(resolve))
    gated.open()
    await Promise.all([first, ...rest])
    assert.deepEqual(gated.batches, [2, 21])
  })

  test("keeps callers that a commit woke together", async () => {
    const gated = gatedLedger("before")
    const wallet = await Wallet.create({ ...terms, dailyLimit: 1000, ledger: gated.ledger })
    gated.batches.length = 0
    const caller = async () => {
      for (let turn = 0; turn < 5; turn++) await wallet.pay({ amount: 1, to: "openai" })
    }
    await Promise.all(Array.from({ length: 16 }, caller))
    assert.deepEqual(gated.batches, [17, 17, 17, 17, 17])
  })

  test("closes a batch when it is told to", async () => {
    const gated = gatedLedger("before")
    const closeBatch = (close: () => void) => void setImmediate(close)
    const engine = createEngine({ ledger: gated.ledger, clock: Date.now, closeBatch })
    const step = { reads: () => ({}), work: () => ({ result: 1 }) }
    const apart = [engine.commit("o", step)]
    await Promise.resolve()
    await new Promise((resolve) => queueMicrotask(() => resolve(undefined)))
    apart.push(engine.commit("o", step))
    await Promise.all(apart)
    assert.deepEqual(gated.batches, [3])
  })

  test("does not hang under fake timers, fake microtasks and a clock that stands", async () => {
    vi.useFakeTimers({
      toFake: ["setTimeout", "clearTimeout", "setImmediate", "queueMicrotask", "performance", "Date"],
    })
    const wallet = await Wallet.create({ ...terms, ledger: memoryLedger() })
    assert.equal((await wallet.pay({ amount: 1, to: "openai" })).status, "approved")
  })
})

describe("a ledger that fails", () => {
  test("runs nothing: every ask of the batch fails with its error", async () => {
    const inner = memoryLedger()
    const wallet = await Wallet.create({ ...terms, ledger: inner })
    const failing: Ledger = { ...inner, commit: () => Promise.reject(new Error("disk gone")) }
    const engine = createEngine({ ledger: failing, clock: Date.now })
    const step = { reads: () => ({}), work: () => ({ result: 1 }) }
    for (const result of await Promise.allSettled([engine.commit("o", step), engine.commit("o", step)])) {
      assert(result.status === "rejected" && NornrError.isInstance(result.reason))
      assert.equal(result.reason.code, "ledger_unavailable")
    }
    assert.equal(await held(wallet), "0.00")
  })
})
