import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { requireError } from "../../test/require-error.ts"
import { boom, call, counter, fail, queue, soundly, terms, turn } from "../../test/stage.ts"
import { type TestWallet, testWallet } from "../testing/index.ts"
import type { Outcome } from "./outcome.ts"

/** Brings the key of `call` into a state; gives the stage and the tool that has run so far. */
type Reach = (stage: TestWallet, tool: ReturnType<typeof counter>) => Promise<unknown>

const lose: Reach = async ({ wallet, clock, desk }) => {
  const { promise, resolve } = Promise.withResolvers<string>()
  const run = wallet.govern(call, () => promise)
  await Promise.resolve()
  await turn()
  clock.advance("61s")
  assert.equal((await desk.unknown()).length, 1)
  return { run, resolve }
}

const states: Readonly<Record<string, { readonly reach: Reach; readonly answers: Answers }>> = {
  "queued and waiting": { reach: queue, answers: { plain: "queued", idempotent: "queued", reask: "queued" } },
  "queued and approved": {
    reach: async (stage) => stage.desk.approve((await queue(stage)).decision),
    answers: { plain: "runs", idempotent: "runs", reask: "runs" },
  },
  settled: {
    reach: ({ wallet }) => wallet.govern(call, counter(() => "recorded").run),
    answers: { plain: "recorded", idempotent: "recorded", reask: "recorded" },
  },
  failed: { reach: fail, answers: { plain: "failed", idempotent: "runs", reask: "failed" } },
  unknown: { reach: lose, answers: { plain: "unknown", idempotent: "runs", reask: "unknown" } },
  released: {
    reach: async (stage) => stage.desk.release((await fail(stage)).decision),
    answers: { plain: "runs", idempotent: "runs", reask: "runs" },
  },
  lapsed: {
    reach: async ({ wallet, clock }) => {
      assert.equal((await wallet.ask(call)).status, "approved")
      clock.advance("16m")
    },
    answers: { plain: "runs", idempotent: "runs", reask: "runs" },
  },
  "approved ahead of its run": {
    reach: ({ wallet }) => wallet.ask(call),
    answers: { plain: "runs", idempotent: "runs", reask: "runs" },
  },
  rejected: {
    reach: ({ wallet }) => wallet.govern({ ...call, amount: 60 }, counter().run),
    answers: { plain: "rejected", idempotent: "rejected", reask: "runs" },
  },
  "rejected by a reviewer": {
    reach: async (stage) => stage.desk.reject((await queue(stage)).decision),
    answers: { plain: "rejected", idempotent: "rejected", reask: "runs" },
  },
  expired: {
    reach: async (stage) => {
      await queue(stage)
      stage.clock.advance("25h")
    },
    answers: { plain: "rejected", idempotent: "rejected", reask: "runs" },
  },
  "approved and expired": {
    reach: async (stage) => {
      await stage.desk.approve((await queue(stage)).decision)
      stage.clock.advance("25h")
    },
    answers: { plain: "rejected", idempotent: "rejected", reask: "runs" },
  },
  canceled: {
    reach: async (stage) => stage.wallet.cancel((await queue(stage)).decision),
    answers: { plain: "rejected", idempotent: "rejected", reask: "runs" },
  },
}

type Answers = Readonly<Record<"plain" | "idempotent" | "reask", string>>

const ways = { plain: {}, idempotent: { idempotent: true }, reask: { reask: true } } as const

describe("what a key answers", () => {
  for (const [state, { reach, answers }] of Object.entries(states)) {
    for (const [way, options] of Object.entries(ways)) {
      const expected = answers[way as keyof Answers]
      test(`${state}, asked ${way}: ${expected}`, async () => {
        const stage = await testWallet(terms)
        await reach(stage, counter())
        const before = await stage.wallet.decision(call.key)
        const tool = counter()
        const outcome = await stage.wallet.govern({ ...call, ...options }, tool.run)
        assert.equal(tool.runs, expected === "runs" ? 1 : 0)
        assert.equal(
          outcome.status === "done" && expected !== "runs" ? outcome.result : answerOf(outcome),
          expected === "runs" ? "done" : expected,
        )
        if (expected !== "runs") assert.equal(outcome.decision.id, before?.id)
        const isNew = before !== undefined && outcome.decision.id !== before.id
        assert.equal(outcome.decision.previous, isNew ? before.id : undefined)
        await soundly(stage)
      })
    }
  }

  test("running: waits, and gets what the run comes to", async () => {
    const { wallet } = await testWallet(terms)
    const { promise, resolve } = Promise.withResolvers<string>()
    const first = wallet.govern(call, () => promise)
    const tool = counter()
    const others = [1, 2, 3].map(() => wallet.govern(call, tool.run))
    await turn()
    resolve("once")
    const outcomes = await Promise.all([first, ...others])
    assert.deepEqual(
      outcomes.map((each) => each.status === "done" && each.result),
      Array(4).fill("once"),
    )
    assert.equal(tool.runs, 0)
    assert.deepEqual(
      outcomes.map(({ decision }) => decision.replayed === true),
      [false, true, true, true],
    )
  })

  test("running elsewhere: waiting ends with the lease, with the signal and with the wallet", async () => {
    const { wallet, clock } = await testWallet(terms)
    const never = new Promise<string>(() => {})
    void wallet.govern(call, () => never)
    const lost = wallet.govern(call, counter().run)
    const controller = new AbortController()
    const aborted = wallet.govern({ ...call, signal: controller.signal }, counter().run)
    await turn()
    controller.abort()
    await assert.rejects(aborted, (error) => requireError(error, "aborted", /runs elsewhere/))
    clock.advance("61s")
    const outcome = await lost
    assert(outcome.status === "unknown")
    assert.match(outcome.message, /^Its outcome is unknown: it may have run/)
  })

  test("failed: the recorded error, with its name, message and code", async () => {
    const { wallet } = await testWallet(terms)
    await wallet.govern(call, boom)
    const again = await wallet.govern(call, counter().run)
    assert(again.status === "failed" && again.error instanceof Error)
    const { name, message } = again.error
    assert.deepEqual(
      [name, message, Reflect.get(again.error, "code")],
      ["RangeError", "the vendor said no", "E_VENDOR"],
    )
    assert.equal(again.message, message)
  })

  test("asked anew: under today's mandate, linked to the decision before", async () => {
    const stage = await testWallet(terms)
    const refused = await stage.wallet.govern({ ...call, amount: 60 }, counter().run)
    await stage.desk.amend({ dailyLimit: 100, requireApprovalAbove: null })
    const outcome = await stage.wallet.govern({ ...call, amount: 60, reask: true }, counter().run)
    assert.deepEqual([outcome.status, outcome.decision.previous], ["done", refused.decision.id])
    assert.equal((await stage.wallet.decision(refused.decision.id))?.status, "rejected")
    await soundly(stage)
  })
})

function answerOf(outcome: Outcome<unknown>): string {
  return outcome.status
}
