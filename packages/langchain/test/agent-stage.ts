import { ToolMessage } from "@langchain/core/messages"
import { MemorySaver } from "@langchain/langgraph"
import { testWallet } from "@nornr/core/testing"
import { type AgentMiddleware, createAgent, tool, toolRetryMiddleware } from "langchain"
import { z } from "zod"
import { walletMiddleware } from "../src/index.ts"
import { ScriptModel, script } from "./script-model.ts"

export const at = { configurable: { thread_id: "t" } }
export const say = (price: number, name = "buy") => ({
  messages: [script([{ id: "c1", name, args: { price } }])],
})

export async function stageOf(act: (run: number) => unknown = (run) => `run ${run}`) {
  const stage = await testWallet({ dailyLimit: 50, requireApprovalAbove: 20 })
  const counted = { runs: 0 }
  const buy = tool(async () => act(++counted.runs), {
    name: "buy",
    description: "d",
    schema: z.object({ price: z.number() }),
  })
  const free = tool(
    async () => {
      throw new Error("no such page")
    },
    { name: "free", description: "d", schema: z.object({ price: z.number() }) },
  )
  const terms = { amount: ({ price }: { price: number }) => price, to: "vendor" }
  const gate = walletMiddleware({ wallet: stage.wallet, tools: { buy: terms as never } })
  const agentWith = (...middleware: AgentMiddleware[]) =>
    createAgent({ model: new ScriptModel(), tools: [buy, free], middleware, checkpointer: new MemorySaver() })
  return { ...stage, counted, buy, terms, gate, agentWith }
}

export const messageOf = ({ messages }: { messages: readonly unknown[] }) =>
  messages.findLast((message) => ToolMessage.isInstance(message)) as ToolMessage

export const retry = (more: object = {}) => toolRetryMiddleware({ maxRetries: 2, initialDelayMs: 0, ...more })
export const fails = () => {
  throw new Error("the vendor is down")
}
