import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { call, counter, eventTypes, soundly, terms, used } from "../../test/stage.ts"
import { callKey, currentDecision, NornrError } from "../index.ts"
import { testWallet } from "../testing/index.ts"
import type { CurrentSpend } from "./current-spend.ts"
import { decisionOf, decisionsOf } from "./decision-of.ts"

class Pause extends Error {}

const waits = { ...call, pauses: (error: unknown) => error instanceof Pause }

describe("a tool that says it waits", () => {
  test("gives its claim back, keeps its hold, and runs again when it is called again", async () => {
    const stage = await testWallet(terms)
    const attempts: number[] = []
    const run = ({ attempt }: CurrentSpend) => {
      attempts.push(attempt)
      if (attempt < 3) throw new Pause("ask me later")
      return "done"
    }
    for (let turn = 0; turn < 2; turn++) await assert.rejects(stage.wallet.govern(waits, run), Pause)
    assert.deepEqual(await used(stage), ["5.00", "0.00"])
    const outcome = await stage.wallet.govern(waits, run)
    assert.equal(outcome.status, "done")
    assert.deepEqual(attempts, [1, 2, 3])
    assert.equal((await eventTypes(stage)).filter((type) => type === "spend.returned").length, 2)
    await soundly(stage)
  })

  test("has failed where what asks throws, or says no", async () => {
    const stage = await testWallet(terms)
    const pauses = () => {
      throw new Error("no idea")
    }
    const outcome = await stage.wallet.govern({ ...call, pauses }, () => {
      throw new Pause("ask me later")
    })
    assert.equal(outcome.status, "failed")
  })

  test("lapses like any approval that nobody claims", async () => {
    const stage = await testWallet(terms)
    const run = () => {
      throw new Pause("ask me later")
    }
    await assert.rejects(stage.wallet.govern(waits, run), Pause)
    stage.clock.advance("16m")
    assert.equal((await stage.wallet.govern(waits, counter().run)).status, "done")
    assert.deepEqual(await used(stage), ["0.00", "5.00"])
    await soundly(stage)
  })
})

describe("a call that names no agent", () => {
  test("is taken for that of whoever its decision names, and another's is a conflict", async () => {
    const { wallet, desk } = await testWallet(terms)
    const tool = counter()
    const asked = { ...call, amount: 30, run: { agent: "buyer" } }
    const queued = await wallet.govern(asked, tool.run)
    await desk.approve(queued.decision)
    await assert.rejects(wallet.govern({ ...asked, run: { agent: "scout" } }, tool.run), {
      code: "key_conflict",
    })
    const { run: _, ...anonymous } = asked
    const outcome = await wallet.govern(anonymous, tool.run)
    assert.deepEqual([outcome.status, outcome.decision.run.agent, tool.runs], ["done", "buyer", 1])
  })
})

describe("a decision", () => {
  test("is found on what any framework gives, and on an error", async () => {
    const { wallet } = await testWallet(terms)
    const decision = await wallet.pay({ amount: 1, to: "vendor" })
    const other = await wallet.pay({ amount: 2, to: "vendor" })
    for (const slot of ["artifact", "customData", "_meta", "response_metadata"]) {
      assert.equal(decisionOf({ [slot]: { nornr: decision } }), decision)
    }
    assert.equal(decisionOf({ status: "done", decision }), decision)
    assert.equal(decisionOf(new NornrError("not_approved", "No.", { remedy: "Ask.", decision })), decision)
    for (const none of [
      undefined,
      null,
      "x",
      1,
      {},
      [],
      { nornr: { id: "dec_x" } },
      { artifact: { nornr: "x" } },
    ]) {
      assert.equal(decisionOf(none), undefined)
    }
    const state = {
      messages: [{ artifact: { nornr: decision } }, { content: "" }],
      decisions: { gate: other },
    }
    assert.deepEqual(decisionsOf(state), [decision, other])
    assert.deepEqual(decisionsOf([state, state]), [decision, other])
    assert.deepEqual(decisionsOf(undefined), [])
  })

  test("that waits is listed by its wallet, of one thread or one agent where that is asked", async () => {
    const { wallet, desk } = await testWallet({ dailyLimit: 500, requireApprovalAbove: 1 })
    const ask = (thread: string, agent: string) =>
      wallet.pay({ amount: 2, to: "vendor", run: { thread, agent } })
    const first = await ask("a", "buyer")
    await ask("b", "scout")
    assert.equal((await wallet.queued()).length, 2)
    assert.deepEqual(
      (await wallet.queued({ thread: "a" })).map(({ id }) => id),
      [first.id],
    )
    assert.deepEqual(
      (await wallet.forAgent("buyer").queued()).map(({ id }) => id),
      [first.id],
    )
    await desk.approve(first)
    assert.equal((await wallet.queued({ thread: "a" })).length, 0)
    await assert.rejects(wallet.queued({ tread: "a" } as never), /tread is not a known name/)
  })

  test("is read as it is now through an open wallet of its owner, and through no other", async () => {
    const { wallet, desk } = await testWallet({ ...terms, owner: "current" })
    const queued = await wallet.pay({ amount: 30, to: "vendor" })
    await desk.approve(queued)
    assert.equal((await currentDecision(queued)).status, "approved")
    await wallet.close()
    await assert.rejects(currentDecision(queued), { code: "wallet_closed" })
  })
})

describe("the key of a call", () => {
  test("is short and its own, however long its parts are", () => {
    const long = "x".repeat(5000)
    const keys = [
      callKey(long, long, long, `${long}a`),
      callKey(long, long, long, `${long}b`),
      callKey("a/b", "c"),
      callKey("a", "b/c"),
      callKey("a", "b", "c"),
    ]
    assert.equal(new Set(keys).size, keys.length)
    assert(keys.every(({ length }) => length <= 512))
  })
})
