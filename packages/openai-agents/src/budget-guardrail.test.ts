import assert from "node:assert/strict"
import { testWallet } from "@nornr/core/testing"
import { Agent, InputGuardrailTripwireTriggered, run } from "@openai/agents"
import { assistantMessage, ScriptedModel } from "@openai/agents/testing"
import { describe, test } from "vitest"
import { type BudgetGuardrailOptions, type BudgetInfo, budgetGuardrail } from "./index.ts"

const agentOf = (guardrail: ReturnType<typeof budgetGuardrail>, name = "agent") => {
  const model = new ScriptedModel([[assistantMessage("Done.")]])
  return { model, agent: new Agent({ name, model, inputGuardrails: [guardrail] }) }
}

/** Why a run does not start; undefined where it does. */
async function whyNot(options: BudgetGuardrailOptions, name?: string, context: object = {}) {
  const { agent, model } = agentOf(budgetGuardrail(options), name)
  try {
    await run(agent, "go", { context })
    assert.equal(model.calls.length, 1)
    return undefined
  } catch (error) {
    assert(error instanceof InputGuardrailTripwireTriggered, String(error))
    assert.equal(model.calls.length, 0, "no model is called")
    return error.result.output.outputInfo as BudgetInfo
  }
}

describe("The budget guardrail", () => {
  test("lets a run start while anything is left, and stops it where all is spent or held", async () => {
    const { wallet } = await testWallet({ dailyLimit: 10 })
    assert.equal(await whyNot({ wallet }), undefined)
    await wallet.pay({ amount: 10, to: "vendor" })
    const info = await whyNot({ wallet })
    assert.equal(info?.reasons[0]?.code, "daily_limit_exceeded")
    assert.match(info?.reasons[0]?.message ?? "", /0\.00 left until 00:00 UTC/)
    assert.equal(info?.balance.limits[0]?.held, "10.00")
  })

  test("leaves no trace, holds nothing and asks no person", async () => {
    const { wallet, desk } = await testWallet({ dailyLimit: 10, requireApprovalAbove: 0 })
    const before = (await Array.fromAsync(wallet.trail())).length
    assert.equal(await whyNot({ wallet, atLeast: 5 }), undefined)
    assert.equal((await Array.fromAsync(wallet.trail())).length, before)
    assert.deepEqual(await desk.pending(), [])
  })

  test("stops a run that has less than it needs", async () => {
    const { wallet } = await testWallet({ dailyLimit: 10 })
    await wallet.pay({ amount: 8, to: "vendor" })
    assert.equal(await whyNot({ wallet, atLeast: 2 }), undefined)
    assert.equal((await whyNot({ wallet, atLeast: "2.01" }))?.reasons[0]?.remaining, "2.00")
    const inEuro = await whyNot({ wallet, atLeast: { amount: 1, currency: "EUR" } })
    assert.equal(inEuro?.reasons[0]?.code, "currency_mismatch")
  })

  test("stops runs of a frozen wallet and of a revoked agent, and of no other", async () => {
    const { wallet, desk } = await testWallet({ dailyLimit: 10 })
    await desk.revoke("buyer")
    assert.equal((await whyNot({ wallet }, "buyer"))?.reasons[0]?.code, "agent_revoked")
    assert.equal(await whyNot({ wallet }, "writer"), undefined)
    await desk.freeze()
    assert.equal((await whyNot({ wallet }, "writer"))?.reasons[0]?.code, "frozen")
  })

  test("minds the limits of the run, of the agent and of a month, and no list of counterparties", async () => {
    const limits = [
      { amount: 5, by: "run" },
      { count: 2, per: "hour", by: "agent" },
      { amount: 1, per: "month", over: "queue" },
    ] as const
    const { wallet } = await testWallet({ limits, counterparties: { allow: ["vendor"] } })
    const scope = ({ thread }: { thread: string }) => thread
    await wallet.pay({ amount: 5, to: "vendor", run: { thread: "a", agent: "buyer" } })
    assert.equal((await whyNot({ wallet, scope }, "buyer", { thread: "a" }))?.reasons.length, 1)
    assert.equal(await whyNot({ wallet, scope }, "buyer", { thread: "b" }), undefined)
    await wallet.pay({ amount: 1, to: "vendor", run: { thread: "b", agent: "buyer" } })
    assert.equal((await whyNot({ wallet, scope }, "buyer", { thread: "b" }))?.reasons.length, 1)
  })

  test("stops the run where the wallet cannot be asked, and says why", async () => {
    const { wallet, fail } = await testWallet({ dailyLimit: 10 })
    fail("ledger_unavailable", { times: 1000 })
    const { agent, model } = agentOf(budgetGuardrail({ wallet }))
    await assert.rejects(run(agent, "go"), /The test made the ledger fail/)
    fail("ledger_unavailable", { times: 0 })
    assert.equal(model.calls.length, 0)
  })

  test("refuses options that are wrong", async () => {
    const { wallet } = await testWallet({ dailyLimit: 10 })
    assert.throws(() => budgetGuardrail({ wallet, least: 2 } as never), /least is not a known name/)
    assert.throws(() => budgetGuardrail({ wallet, atLeast: -2 }), /atLeast is -2/)
    assert.throws(() => budgetGuardrail({} as never), /wallet is undefined/)
  })
})
