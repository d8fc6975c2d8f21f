import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { requireError } from "../../test/require-error.ts"
import { boom, call, counter, eventTypes, fail, queue, soundly, terms, turn, used } from "../../test/stage.ts"
import { type TestWallet, testWallet } from "../testing/index.ts"
import type { GovernedCall } from "./call.ts"
import { notCharged } from "./not-charged.ts"

describe("the claim of a governed call", () => {
  test("checks again what may have changed, and a refused one ends the spend", async () => {
    const changes: readonly [string, (stage: TestWallet) => Promise<unknown>, string][] = [
      ["frozen", ({ desk }) => desk.freeze(), "frozen"],
      [
        "denied",
        ({ desk }) => desk.amend({ counterparties: { deny: ["search.example"] } }),
        "counterparty_denied",
      ],
      ["over", ({ desk }) => desk.amend({ expiresAt: "2026-01-01T12:00:00Z" }), "mandate_expired"],
    ]
    for (const [name, change, reason] of changes) {
      const stage = await testWallet(terms)
      await stage.desk.approve((await queue(stage)).decision)
      await change(stage)
      const tool = counter()
      const outcome = await stage.wallet.govern(call, tool.run)
      assert.deepEqual([name, outcome.status, outcome.decision.reasons[0]?.code], [name, "rejected", reason])
      assert.equal(tool.runs, 0)
      assert.deepEqual(await used(stage), ["0.00", "0.00"])
      await soundly(stage)
    }
  })

  test("never checks the limits again: the hold covers them", async () => {
    const stage = await testWallet(terms)
    await stage.desk.approve((await queue(stage)).decision)
    await stage.desk.amend({ dailyLimit: 10 })
    assert.equal((await stage.wallet.govern(call, counter().run)).status, "done")
  })

  test("of a held outcome is refused while frozen, and leaves it held", async () => {
    const stage = await testWallet(terms)
    await fail(stage)
    await stage.desk.freeze()
    const tool = counter()
    const outcome = await stage.wallet.govern({ ...call, idempotent: true }, tool.run)
    assert.deepEqual([outcome.status, tool.runs], ["failed", 0])
    assert.deepEqual(await used(stage), ["5.00", "0.00"])
  })

  test("is given back where its caller was told that nothing happened", async () => {
    const stage = await testWallet(terms)
    const controller = new AbortController()
    const tool = counter()
    const asked = stage.wallet.govern({ ...call, signal: controller.signal }, tool.run)
    queueMicrotask(() => controller.abort())
    await assert.rejects(asked, { code: "aborted" })
    assert.equal((await stage.wallet.govern(call, tool.run)).status, "done")
    assert.equal(tool.runs, 1)
    assert.deepEqual(await used(stage), ["0.00", "5.00"])
    await soundly(stage)
  })
})

describe("the end of a governed call", () => {
  test("below the hold frees the rest, above it counts in full, on record", async () => {
    const stage = await testWallet(terms)
    await stage.wallet.govern({ ...call, charged: () => 12 }, counter().run)
    assert.deepEqual(await used(stage), ["0.00", "12.00"])
    const types = await eventTypes(stage)
    assert(types.includes("spend.overage"))
    await soundly(stage)
  })

  test("settles at the hold, and says why, where the cost cannot be read", async () => {
    for (const charged of [boom, () => -1, () => undefined, () => ({ amount: 1, currency: "EUR" })]) {
      const stage = await testWallet(terms)
      const outcome = await stage.wallet.govern({ ...call, charged: charged as () => number }, counter().run)
      assert.equal(outcome.status, "done")
      const { execution, reasons } = outcome.decision
      assert.deepEqual([execution.settled, reasons[0]?.code], ["5.00", "charge_unknown"])
      await soundly(stage)
    }
  })

  test("keeps the hold of a tool that throws, unless it says that nothing was charged", async () => {
    const rules: readonly [Partial<GovernedCall>, () => never, string, string][] = [
      [{}, boom, "failed", "5.00"],
      [{ onError: "hold" }, boom, "failed", "5.00"],
      [{ onError: "release" }, boom, "released", "0.00"],
      [
        { onError: async (error) => (error instanceof RangeError ? "release" : "hold") },
        boom,
        "released",
        "0.00",
      ],
      [{ onError: boom }, boom, "failed", "5.00"],
      [
        {},
        () => {
          throw notCharged(new Error("sold out"))
        },
        "released",
        "0.00",
      ],
    ]
    for (const [options, tool, state, held] of rules) {
      const stage = await testWallet(terms)
      const outcome = await stage.wallet.govern({ ...call, ...options }, tool)
      assert(outcome.status === "failed" && outcome.error instanceof Error)
      assert.deepEqual([outcome.decision.execution.state, (await used(stage))[0]], [state, held])
      await soundly(stage)
    }
  })

  test("gives the result though settling cannot be committed, and settles as soon as it can", async () => {
    const stage = await testWallet(terms)
    const outcome = await stage.wallet.govern(call, async () => {
      stage.fail("ledger_full", { times: 1 })
      return "bought"
    })
    assert(outcome.status === "done")
    assert.deepEqual(
      [outcome.result, outcome.settlement, outcome.decision.execution.state],
      ["bought", "pending", "running"],
    )
    const again = await stage.wallet.govern(call, counter().run)
    assert(again.status === "done")
    assert.deepEqual([again.result, again.decision.execution.state], ["bought", "settled"])
    await soundly(stage)
  })

  test("is unknown where settling fails until the lease ends; a late one is accepted until the desk decides", async () => {
    const stage = await testWallet(terms)
    const { promise, resolve } = Promise.withResolvers<string>()
    const run = stage.wallet.govern(call, () => promise)
    await turn()
    stage.clock.advance("2m")
    assert.equal((await stage.desk.unknown()).length, 1)
    resolve("late")
    assert.equal((await run).decision.execution.state, "settled")
    await soundly(stage)
  })

  test("after the desk decided is recorded as late, and what nobody counted yet is an overage", async () => {
    const stage = await testWallet(terms)
    const { promise, resolve } = Promise.withResolvers<string>()
    const run = stage.wallet.govern(call, () => promise)
    await turn()
    stage.clock.advance("2m")
    const [lost] = await stage.desk.unknown()
    assert(lost !== undefined)
    await stage.desk.release(lost)
    resolve("late")
    const outcome = await run
    assert(outcome.status === "done")
    assert.deepEqual(
      [outcome.decision.execution.state, outcome.decision.execution.settled],
      ["released", "5.00"],
    )
    const types = await eventTypes(stage)
    assert.deepEqual(types.slice(-2), ["spend.late_outcome", "spend.overage"])
    await soundly(stage)
  })

  test("is waited for when the wallet is closed", async () => {
    const { wallet, desk } = await testWallet(terms)
    const { promise, resolve } = Promise.withResolvers<string>()
    const run = wallet.govern(call, () => promise)
    await turn()
    const closing = wallet.close()
    resolve("done")
    await closing
    assert.equal((await run).decision.execution.state, "settled")
    assert.equal((await desk.decision((await run).decision.id))?.execution.state, "settled")
    await assert.rejects(wallet.govern(call, counter().run), { code: "wallet_closed" })
  })
})

describe("a recorded result", () => {
  const replay = async (result: unknown, options: Partial<GovernedCall>) => {
    const stage = await testWallet(terms)
    const settings = { ...call, ...options }
    const first = await stage.wallet.govern(settings, async () => result)
    assert.equal(first.status, "done")
    await soundly(stage)
    return stage.wallet.govern(settings, boom)
  }

  test("is what a replay gets, exactly", async () => {
    const values = ["text", 0, null, undefined, true, { a: [1, { b: "ü" }] }, []]
    for (const value of values) {
      const again = await replay(value, {})
      assert(again.status === "done")
      assert.deepEqual(again.result, value)
    }
  })

  test("that is not kept is never run again, and says so", async () => {
    const cases: readonly [unknown, Partial<GovernedCall>][] = [
      [new Date(), {}],
      [{ big: 5n }, {}],
      [Number.NaN, {}],
      ["x".repeat(1_048_577), {}],
      ["text", { record: "digest" }],
      ["text", { record: boom }],
      ["text", { codec: { encode: boom, decode: boom } }],
      ["text", { codec: { encode: (text) => text, decode: boom } }],
    ]
    for (const [value, options] of cases) {
      const again = await replay(value, options)
      assert(again.status === "failed")
      requireError(again.error, "result_not_kept", /has run before, and its result was not kept/)
      assert.equal(again.decision.execution.state, "settled")
    }
  })

  test("goes through the codec of whoever brings one, and may be redacted", async () => {
    const codec = {
      encode: (map: unknown) => [...(map as Map<string, number>)],
      decode: (list: unknown) => new Map(list as []),
    }
    const again = await replay(new Map([["a", 1]]), { codec } as Partial<GovernedCall>)
    assert(again.status === "done")
    assert.deepEqual(again.result, new Map([["a", 1]]))
    const redacted = await replay(
      { name: "Ana", iban: "DE1" },
      { record: (result) => ({ ...(result as object), iban: "…" }) },
    )
    assert(redacted.status === "done")
    assert.deepEqual(redacted.result, { name: "Ana", iban: "…" })
  })

  test("is deleted a week after its spend has ended, and never run again then", async () => {
    const stage = await testWallet(terms)
    await stage.wallet.govern(call, counter().run)
    stage.clock.advance("7d")
    await stage.wallet.pay({ amount: 1, to: "openai" })
    const again = await stage.wallet.govern(call, boom)
    assert(again.status === "failed")
    requireError(again.error, "result_not_kept", /its age/)
    assert.equal((await stage.wallet.decision(call.key))?.purpose, "")
    await soundly(stage)
  })
})
