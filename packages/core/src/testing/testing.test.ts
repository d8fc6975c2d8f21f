import assert from "node:assert/strict"
import { describe, test, vi } from "vitest"
import { governed } from "../govern/governed.ts"
import type { Decision } from "../spend/decision.ts"
import { Wallet } from "../wallet/wallet.ts"
import { testWallet } from "./index.ts"

describe("a test wallet", () => {
  test("has its own ledger, desk and clock, which stands until it is moved", async () => {
    const { wallet, desk, clock } = await testWallet({ dailyLimit: 50, at: "2026-11-22T23:59:00Z" })
    const spend = () => wallet.pay({ amount: 50, to: "openai" })
    assert.equal((await spend()).at, "2026-11-22T23:59:00.000Z")
    assert.equal((await spend()).status, "rejected")
    clock.advance("2m")
    assert.equal((await spend()).status, "approved")
    clock.set("2026-11-25T00:00:00Z")
    assert.equal(clock.now().toISOString(), "2026-11-25T00:00:00.000Z")
    assert.deepEqual([desk.reviewer, wallet.owner], ["test-reviewer", "test-owner"])
    assert.equal((await (await testWallet()).wallet.balance()).limits[0]?.settled, "0.00")
  })

  test("reviews what is queued before whoever asked hears of it", async () => {
    const seen: string[] = []
    const { wallet } = await testWallet({
      dailyLimit: 100,
      requireApprovalAbove: 5,
      async review({ id, amount }: Decision) {
        seen.push(id)
        return Number(amount) < 8 ? "approve" : Number(amount) < 20 ? "reject" : undefined
      },
    })
    let runs = 0
    const buy = governed(async ({ price }: { readonly price: number }) => `${price} ${++runs}`, {
      name: "buy",
      wallet,
      amount: ({ price }) => price,
      to: "shop.example",
    })
    const outcomes = [
      await buy({ price: 6 }, { key: "a" }),
      await buy({ price: 7 }),
      await buy({ price: 9 }),
      await buy({ price: 30 }),
    ]
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["done", "done", "rejected", "queued"],
    )
    assert.equal(outcomes[0]?.decision.approval?.by, "test-reviewer")
    assert.equal((await wallet.pay({ amount: 6, to: "openai" })).status, "approved")
    assert.equal(
      (await wallet.ask({ tool: "buy", key: "b", amount: 6, to: "x" })).approval?.state,
      "approved",
    )
    assert.equal(new Set(seen).size, 6)
  })

  test("fails on demand, as often as it is told, and nothing is lost", async () => {
    const { wallet, fail } = await testWallet()
    let runs = 0
    const call = { tool: "search", key: "k", amount: 1, to: "openai" }
    fail("ledger_timeout", { times: 2 })
    for (let index = 0; index < 2; index++)
      await assert.rejects(
        wallet.govern(call, () => ++runs),
        { code: "ledger_timeout" },
      )
    assert.equal((await wallet.govern(call, () => ++runs)).status, "done")
    assert.equal(runs, 1)
    assert.throws(() => fail("oops" as never), { code: "invalid_option" })
  })

  test("is not hung by fake timers", async () => {
    vi.useFakeTimers()
    try {
      const { wallet, desk } = await testWallet({ requireApprovalAbove: 1 })
      const call = { tool: "search", key: "k", amount: 2, to: "openai" }
      const { decision } = await wallet.govern(call, () => "ran")
      await desk.approve(decision)
      assert.equal((await wallet.govern(call, () => "ran")).status, "done")
      await wallet.close()
    } finally {
      vi.useRealTimers()
    }
  })

  test("says what is wrong with its options", async () => {
    await assert.rejects(testWallet({ at: "yesterday" }), /at is "yesterday"/)
    await assert.rejects(testWallet({ dailyLimit: -1 }), { code: "invalid_amount" })
    await assert.rejects(testWallet({ limit: 5 } as never), /limit is not a known name/)
    const { wallet } = await testWallet({ requireApprovalAbove: 1, review: () => "yes" as never })
    await assert.rejects(wallet.pay({ amount: 2, to: "openai" }), /review gave "yes"/)
  })
})

describe("NORNR_LEDGER=memory:", () => {
  test("gives code that is not told otherwise a ledger in memory, shared in the process", async () => {
    vi.stubEnv("NORNR_LEDGER", "memory:")
    try {
      const wallet = await Wallet.create({ owner: "env-test", dailyLimit: 5 })
      await wallet.pay({ amount: 5, to: "openai" })
      const again = await Wallet.connect({ owner: "env-test" })
      assert.equal((await again.balance()).limits[0]?.remaining, "0.00")
      await wallet.close()
      await again.close()
    } finally {
      vi.unstubAllEnvs()
    }
  })
})
