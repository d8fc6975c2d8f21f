// #region tools
import { tool } from "@langchain/core/tools"
import { currentSpend, governedTools } from "@nornr/langgraph"
import { buy } from "@nornr/support/vendor"
import { z } from "zod"
import { wallet } from "./wallet.ts"

const price = z.number().positive().describe("USD, as quoted")

const summarise = tool(async ({ topic }) => buy(`a summary of ${topic}`, currentSpend()?.idempotencyKey), {
  name: "summarise",
  description: "Has reports summarised by a paid service.",
  schema: z.object({ topic: z.string(), price }),
})
const render = tool(async ({ clip }) => buy(`a clip of ${clip}`, currentSpend()?.idempotencyKey), {
  name: "render",
  description: "Has a clip rendered by a paid service.",
  schema: z.object({ clip: z.string(), price }),
})

export const tools = governedTools([summarise, render], {
  wallet,
  terms: {
    summarise: { amount: ({ price }) => price, to: "openai", purpose: "tool execution" },
    render: { amount: ({ price }) => price, to: "render.example", purpose: "tool execution" },
  },
})
// #endregion tools
