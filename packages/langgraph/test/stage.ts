import type { BaseMessage, ToolMessage } from "@langchain/core/messages"
import { MemorySaver } from "@langchain/langgraph"
import { currentSpend, type Wallet } from "@nornr/core"
import { type ContractTool, callMetered, startMeteredService } from "@nornr/core/contracts"
import { testWallet } from "@nornr/core/testing"
import { sqliteSaver } from "@nornr/support/sqlite-saver"
import type { Runnable } from "../../langchain/test/agent-app.ts"
import { ScriptModel } from "../../langchain/test/script-model.ts"
import { type Variety, varieties } from "./varieties.ts"

/** Three paid tools of a service that counts what it was asked: each costs its price. */
export function paidTools(wallet: Wallet, url: string): readonly ContractTool[] {
  return ["search", "order", "fail"].map((name) => ({
    name,
    async execute(args) {
      return `${name} ${(await callMetered(url, name, args, currentSpend()?.idempotencyKey)).request}`
    },
    terms: { wallet, amount: ({ price }) => price, to: `${name}.example` },
  }))
}

/** Savers of the framework: what a pause is kept in. */
export const savers = {
  memory: () => new MemorySaver() as never,
  SQLite: () => sqliteSaver(":memory:"),
} as const

export async function stageOf(variety: Variety, saver: keyof typeof savers = "memory") {
  const service = await startMeteredService()
  const wallet = await testWallet({ dailyLimit: 50, requireApprovalAbove: 20 })
  const model = new ScriptModel()
  const graph: Runnable = varieties[variety](
    { model, checkpointer: savers[saver]() },
    paidTools(wallet.wallet, service.url),
  )
  return {
    ...wallet,
    service,
    model,
    graph,
    async [Symbol.asyncDispose]() {
      await service.close()
    },
  }
}

export const at = (thread: string) => ({ configurable: { thread_id: thread } })

export function toolMessages(state: { readonly messages: readonly BaseMessage[] }): readonly ToolMessage[] {
  return state.messages.filter((message) => message.getType() === "tool") as ToolMessage[]
}
