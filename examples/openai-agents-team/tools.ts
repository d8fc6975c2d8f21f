// #region tools
import { currentSpend, governedTools } from "@nornr/openai-agents"
import { buy } from "@nornr/support/vendor"
import { tool } from "@openai/agents"
import { z } from "zod"
import { wallet } from "./wallet.ts"

const price = z.number().positive().describe("USD, as quoted")

const summarise = tool({
  name: "summarise",
  description: "Has reports summarised by a paid service.",
  parameters: z.object({ topic: z.string(), price }),
  execute: ({ topic }) => buy(`a summary of ${topic}`, currentSpend()?.idempotencyKey),
})
const render = tool({
  name: "render",
  description: "Has a clip rendered by a paid service.",
  parameters: z.object({ clip: z.string(), price }),
  execute: ({ clip }) => buy(`a clip of ${clip}`, currentSpend()?.idempotencyKey),
})

export const tools = governedTools([summarise, render], {
  wallet,
  scope: ({ conversation }: { conversation: string }) => conversation,
  terms: {
    summarise: { amount: ({ price }) => price, to: "openai", purpose: "tool execution" },
    render: { amount: ({ price }) => price, to: "render.example", purpose: "tool execution" },
  },
})
// #endregion tools
