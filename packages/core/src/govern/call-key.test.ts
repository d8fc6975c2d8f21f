import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { call, counter, terms } from "../../test/stage.ts"
import { callKey } from "../index.ts"
import { testWallet } from "../testing/index.ts"

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
