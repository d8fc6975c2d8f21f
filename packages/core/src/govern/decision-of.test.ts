import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { terms } from "../../test/stage.ts"
import { currentDecision, NornrError } from "../index.ts"
import { testWallet } from "../testing/index.ts"
import { decisionOf, decisionsOf } from "./decision-of.ts"

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
