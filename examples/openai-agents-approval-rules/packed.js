// Run against the packed tarballs, as a user has them: an agent's paid tool waits, is approved and runs once.
import assert from "node:assert/strict"
import { testWallet } from "@nornr/core/testing"
import { decisionOf, governedTool, pendingDecisions } from "@nornr/openai-agents"
import { Agent, RunState, run, setTracingDisabled, tool } from "@openai/agents"
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing"
import { z } from "zod"

setTracingDisabled(true)
const { wallet, desk } = await testWallet({ dailyLimit: 50, requireApprovalAbove: 20 })
let runs = 0
const order = tool({
  name: "order",
  description: "orders",
  parameters: z.object({ price: z.number() }),
  execute: async () => `order ${++runs}`,
})
const terms = { wallet, amount: ({ price }) => price, to: "vendor.example", scope: () => "t" }
const call = functionCall("order", { price: 30 }, { callId: "c1" })
const model = new ScriptedModel([[call], [assistantMessage("done")]])
const agent = new Agent({ name: "agent", model, tools: [governedTool(order, terms)] })

const paused = await run(agent, "order it")
assert.equal(runs, 0)
await desk.approve(pendingDecisions(paused)[0])
const done = await run(agent, await RunState.fromString(agent, paused.state.toString()))
const [decision] = done.newItems.map(decisionOf).filter(Boolean)
assert.equal(decision.execution.settled, "30.00")
assert.equal(runs, 1)
console.log("the packed OpenAI adapter works")
