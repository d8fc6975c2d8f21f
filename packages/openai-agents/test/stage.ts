import { testWallet } from "@nornr/core/testing"
import { Agent, tool } from "@openai/agents"
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing"
import { z } from "zod"
import { type AnyTool, outputsOf } from "./agent-app.ts"

export const parameters = z.object({ price: z.number() })

export const stage = async () => ({
  ...(await testWallet({ dailyLimit: 50, requireApprovalAbove: 20 })),
  ran: [] as unknown[],
})
type Stage = Awaited<ReturnType<typeof stage>>

export const terms = ({ wallet }: Pick<Stage, "wallet">) => ({
  wallet,
  amount: ({ price }: { price: number }) => price,
  to: "vendor",
  scope: () => "t",
})

/** A paid tool, bare, that remembers what it was run with. */
export const buyOf = ({ ran }: Pick<Stage, "ran">, more: object = {}): AnyTool =>
  tool({
    name: "buy",
    description: "buys",
    parameters,
    execute: ({ price }) => {
      ran.push(price)
      return `bought for ${price}`
    },
    ...more,
  }) as AnyTool

export const call = (price: unknown, callId = "c1") => functionCall("buy", { price } as never, { callId })

export const agentOf = (tools: AnyTool[], calls: ReturnType<typeof call>[], more: object = {}) =>
  new Agent({
    name: "agent",
    tools,
    model: new ScriptedModel([calls, [assistantMessage("Done.")]]),
    ...more,
  })

export const textsOf = (result: Parameters<typeof outputsOf>[0]) =>
  outputsOf(result).map(({ output }) => output)
