// Run against the packed tarballs, as a user has them: an agent's paid tool waits, is approved and runs once.
import assert from "node:assert/strict"
import { MemorySaver } from "@langchain/langgraph"
import { testWallet } from "@nornr/core/testing"
import { decisionOf, governedNode, governedTool, pendingDecisions, resumeCommand } from "@nornr/langgraph"
import { AIMessage, createAgent, fakeModel, tool } from "langchain"
import { z } from "zod"

const { wallet, desk } = await testWallet({ dailyLimit: 50, requireApprovalAbove: 20 })
let runs = 0
const order = tool(async () => `order ${++runs}`, {
  name: "order",
  description: "orders",
  schema: z.object({ price: z.number() }),
})
const tools = [governedTool(order, { wallet, amount: ({ price }) => price, to: "vendor.example" })]
const tool_calls = [{ type: "tool_call", id: "c1", name: "order", args: { price: 30 } }]
const model = fakeModel()
  .respond(new AIMessage({ id: "m1", content: "", tool_calls }))
  .respond(new AIMessage({ id: "m2", content: "done" }))
const agent = createAgent({ model, tools, checkpointer: new MemorySaver() })
const config = { configurable: { thread_id: "t" } }

const paused = await agent.invoke({ messages: [{ role: "user", content: "order it" }] }, config)
assert.equal(runs, 0)
await desk.approve(pendingDecisions(paused)[0])
const done = await agent.invoke(await resumeCommand(agent, config), config)
assert.equal(decisionOf(done.messages.at(-2))?.execution.settled, "30.00")
assert.equal(runs, 1)
assert.equal(typeof governedNode, "function")
