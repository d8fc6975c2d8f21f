// #region tool
import { currentSpend, governedTool } from "@nornr/openai-agents"
import { buy } from "@nornr/support/vendor"
import { Agent, tool } from "@openai/agents"
import { z } from "zod"
import { wallet } from "./wallet.ts"

const order = tool({
  name: "place_order",
  description: "Orders something from a vendor, at the vendor's price in USD.",
  parameters: z.object({ vendor: z.string(), item: z.string(), price: z.number().positive() }),
  execute: ({ item }) => buy(item, currentSpend()?.idempotencyKey),
})

const placeOrder = governedTool(order, {
  wallet,
  amount: ({ price }) => price, // USD, held before it runs
  to: ({ vendor }) => vendor,
  scope: ({ conversation }: { conversation: string }) => conversation,
})
// #endregion tool

// #region agent
export const agent = new Agent<{ conversation: string }>({
  name: "ops",
  instructions: "You are ops. Place the orders that you are asked for, all at once, and report briefly.",
  model: "gpt-5-mini",
  tools: [placeOrder],
})
// #endregion agent
