import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { requireError } from "../../test/require-error.ts"
import { boom, call, counter, eventTypes, soundly, terms, used } from "../../test/stage.ts"
import { type TestWallet, testWallet } from "../testing/index.ts"
import type { GovernedCall } from "./call.ts"
import { currentSpend } from "./current-spend.ts"
import { governed } from "./governed.ts"
import type { Outcome } from "./outcome.ts"

describe("a governed call", () => {
  test("is decided, claimed and settled in two commits, around one run", async () => {
    const stage = await testWallet(terms)
    const tool = counter()
    const outcome = await stage.wallet.govern({ ...call, charged: () => "4.20" }, tool.run)
    assert(outcome.status === "done")
    assert.equal(outcome.result, "run 1")
    assert.deepEqual(
      [outcome.decision.execution.state, outcome.decision.execution.settled],
      ["settled", "4.20"],
    )
    const types = await eventTypes(stage)
    assert.deepEqual(types, ["wallet.created", "decision.made", "spend.claimed", "spend.settled"])
    assert.deepEqual(await used(stage), ["0.00", "4.20"])
    await soundly(stage)
  })

  test("gives its decision and a key for the vendor to the code inside, and to nothing after it", async () => {
    const { wallet } = await testWallet(terms)
    let late = () => currentSpend()
    const outcome = await wallet.govern(call, async (spend) => {
      await Promise.resolve()
      assert.equal(currentSpend(), spend)
      assert.equal(spend.decision.execution.state, "running")
      late = () => currentSpend()
      return spend.idempotencyKey
    })
    assert(outcome.status === "done")
    assert.equal(outcome.result, outcome.decision.id)
    assert.equal(late(), undefined)
  })

  test("without a key is a new spend each time", async () => {
    const stage = await testWallet(terms)
    const tool = counter()
    const { key: _key, ...keyless } = call
    for (let index = 0; index < 2; index++) await stage.wallet.govern(keyless, tool.run)
    assert.equal(tool.runs, 2)
    assert.deepEqual(await used(stage), ["0.00", "10.00"])
  })

  test("evaluates amount, counterparty and purpose once for its key", async () => {
    const stage = await testWallet(terms)
    let asked = 0
    const lazy = { ...call, amount: () => (asked++ === 0 ? 30 : 1), to: async () => `vendor-${asked}` }
    const first = await stage.wallet.govern(lazy, counter().run)
    assert.equal(first.status, "queued")
    await stage.desk.approve(first.decision)
    const again = await stage.wallet.govern(lazy, counter().run)
    assert.equal(asked, 1)
    assert.deepEqual([again.decision.amount, again.decision.to], ["30.00", "vendor-1"])
  })

  test("is bound to its tool and raw arguments, not to amounts or defaults that change", async () => {
    const { wallet } = await testWallet(terms)
    const tool = counter()
    await wallet.govern(call, tool.run)
    const dearer = await wallet.govern({ ...call, amount: 7, to: "other.example" }, tool.run)
    assert.deepEqual([dearer.status, dearer.decision.amount], ["done", "5.00"])
    for (const other of [{ args: { q: "dogs" } }, { tool: "order" }, { args: undefined }]) {
      await assert.rejects(wallet.govern({ ...call, ...other }, tool.run), (error) =>
        requireError(
          error,
          "key_conflict",
          /"t\/m\/c1" was used for dec_\w+, with other (tool or arguments|agent)/,
        ),
      )
    }
    await assert.rejects(wallet.pay({ amount: 5, to: "search.example", idempotencyKey: call.key }), {
      code: "key_conflict",
    })
    assert.equal(tool.runs, 1)
  })

  test("binds what the model wrote, though its schema fills in a fresh default at each call", async () => {
    const { wallet } = await testWallet(terms)
    const raw = { q: "cats" }
    let runs = 0
    const search = (args: { readonly q: string; readonly id: string }) => {
      const use = { ...call, args: raw, amount: () => args.id.length / 10 }
      return wallet.govern(use, async () => `${++runs} ${args.id}`)
    }
    const ids = []
    for (let index = 0; index < 3; index++) {
      const outcome = await search({ ...raw, id: crypto.randomUUID() })
      ids.push(outcome.status === "done" ? outcome.result : outcome.status)
    }
    assert.equal(runs, 1)
    assert.equal(new Set(ids).size, 1)
  })
})

describe("a call inside the run of the same call", () => {
  const nested = (stage: TestWallet, inner: () => Promise<unknown>, options: Partial<GovernedCall> = {}) =>
    stage.wallet.govern(call, async () => {
      const outcome = await stage.wallet.govern({ ...call, ...options }, inner)
      if (outcome.status === "failed") throw outcome.error
      return outcome.status === "done" ? outcome.result : outcome.status
    })

  test("passes straight through: a wrapped tool under a middleware that governs it as well", async () => {
    const stage = await testWallet(terms)
    const tool = counter()
    const outcome = await nested(stage, tool.run)
    assert(outcome.status === "done")
    assert.deepEqual([outcome.result, tool.runs], ["run 1", 1])
    assert.deepEqual(await used(stage), ["0.00", "5.00"])
  })

  test("fails once, for both", async () => {
    const stage = await testWallet(terms)
    const outcome = await nested(stage, boom)
    assert(outcome.status === "failed")
    assert.equal(outcome.decision.execution.state, "failed")
  })

  test("runs once, though a retry inside asks for it again", async () => {
    const stage = await testWallet(terms)
    const tool = counter(boom)
    await stage.wallet.govern(call, async () => {
      const first = await stage.wallet.govern(call, tool.run)
      const second = await stage.wallet.govern(call, tool.run)
      assert.deepEqual([first.status, second.status], ["failed", "failed"])
    })
    assert.equal(tool.runs, 1)
  })

  test("runs again after a failure where the tool may", async () => {
    const stage = await testWallet(terms)
    const tool = counter((run) => (run === 1 ? boom() : "second"))
    const outcome = await stage.wallet.govern(call, async () => {
      await stage.wallet.govern({ ...call, idempotent: true }, tool.run)
      return stage.wallet.govern({ ...call, idempotent: true }, tool.run)
    })
    assert(outcome.status === "done")
    assert.equal(tool.runs, 2)
  })

  test("does not once that run is over, though it was started in it", async () => {
    const stage = await testWallet(terms)
    const tool = counter()
    let later: Promise<Outcome<unknown>> | undefined
    const { promise, resolve } = Promise.withResolvers<void>()
    await stage.wallet.govern(call, async () => {
      later = promise.then(() => stage.wallet.govern(call, tool.run))
      return "first"
    })
    resolve()
    const outcome = await later
    assert(outcome?.status === "done")
    assert.deepEqual([outcome.result, tool.runs], ["first", 0])
  })

  test("is a conflict with other arguments", async () => {
    const stage = await testWallet(terms)
    const outcome = await nested(stage, counter().run, { args: { q: "dogs" } })
    assert(outcome.status === "failed")
    requireError(outcome.error, "key_conflict", /other tool or arguments/)
  })
})

describe("what a model reads", () => {
  test("says that nothing ran, whether it was charged and what next", async () => {
    const { wallet } = await testWallet({ dailyLimit: 50, requireApprovalAbove: 100 })
    await wallet.pay({ amount: 46, to: "openai" })
    const rejected = await wallet.govern({ ...call, amount: 12.5 }, counter().run)
    assert(rejected.status === "rejected")
    assert.equal(
      rejected.message,
      `Not run, nothing charged. Daily limit 50.00 USD: 46.00 used or held, 12.50 requested, 4.00 left until 00:00 UTC. 4.00 USD or less would be approved. [${rejected.decision.id}]`,
    )
  })

  test("can be put in other words, since budgets can be private", async () => {
    const { wallet } = await testWallet(terms)
    const run = counter()
    const refusal = () => "Not now."
    const buy = governed(run.run, { name: "buy", wallet, amount: 60, to: "shop.example", refusal })
    const outcome = await buy(undefined)
    assert(outcome.status === "rejected")
    assert.equal(outcome.message, "Not now.")
  })
})

describe("bad calls", () => {
  const cases: readonly [string, object, RegExp][] = [
    ["no tool", { tool: undefined }, /tool is undefined/],
    ["an empty key", { key: "" }, /key is ""/],
    ["a key that is too long", { key: "k".repeat(513) }, /key is "k+\.\.\.\. Use at most 512/],
    ["arguments that are not JSON", { args: { at: 5n } }, /args holds 5n/],
    ["a bad amount", { amount: -1 }, /amount is -1/],
    ["a bad amount, from a function", { amount: () => Number.NaN }, /amount is NaN/],
    ["an amount that throws", { amount: boom }, /The function for amount threw: the vendor said no/],
    ["a counterparty that is none", { to: () => "" }, /to is ""/],
    ["a word for onError", { onError: "retry" }, /onError is "retry"/],
    ["a charged that is no function", { charged: 5 }, /charged is 5/],
    ["a record that is none", { record: "all" }, /record is "all"/],
    ["half a codec", { codec: { encode: () => 1 } }, /codec is/],
    ["a name that is not known", { price: 5 }, /price is not a known name/],
    ["a signal that is none", { signal: {} }, /signal is/],
  ]
  for (const [name, part, message] of cases) {
    test(`are refused before anything is asked: ${name}`, async () => {
      const stage = await testWallet(terms)
      const tool = counter()
      const bad = { ...call, ...part } as GovernedCall
      await assert.rejects(stage.wallet.govern(bad, tool.run), (error) =>
        requireError(
          error,
          name.includes("amount") && !name.includes("throws") ? "invalid_amount" : "invalid_intent",
          message,
        ),
      )
      assert.equal(tool.runs, 0)
      assert.deepEqual(await used(stage), ["0.00", "0.00"])
    })
  }
})
