import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { boom, call, eventTypes, soundly, terms, turn } from "../../test/stage.ts"
import type { Step } from "../ledger/ledger.ts"
import { testWallet } from "../testing/index.ts"
import { renewStep, unclaimStep } from "./claim.ts"
import { endStep } from "./outcome.ts"

describe("the fence of a claim", () => {
  test("keeps an older run from ending, renewing or taking back the newer one", async () => {
    const stage = await testWallet(terms)
    const { wallet, ledger, clock } = stage
    await wallet.govern(call, boom)
    const { promise, resolve } = Promise.withResolvers<string>()
    const run = wallet.govern({ ...call, idempotent: true }, () => promise)
    await turn()
    const { id = "" } = (await wallet.decision(call.key)) ?? {}
    const commit = async <R>(step: Step<R>): Promise<unknown> => {
      const [answer] = await ledger.commit([{ wallet: wallet.owner, step }], () => clock.now().getTime())
      return answer?.ok === true ? answer.value : undefined
    }
    const state = async () => (await wallet.decision(id))?.execution.state

    assert.equal(await commit(renewStep(id, 1)), false)
    await commit(unclaimStep(id, { fence: 0, from: "approved" }))
    assert.equal(await state(), "running")
    clock.advance("1s")
    await commit(endStep(id, { action: "settle", cost: 1_000_000n }, { fence: 0 }))
    assert.equal(await state(), "running")
    assert((await eventTypes(stage)).includes("spend.late_outcome"))
    assert.equal(await commit(renewStep(id, 2)), true)
    resolve("done")
    assert.equal((await run).decision.execution.settled, "5.00")
    await soundly(stage)
  })
})
