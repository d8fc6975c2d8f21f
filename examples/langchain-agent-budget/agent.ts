// #region imports
import { currentSpend, governedTool, walletMiddleware } from "@nornr/langchain"
import { maxOutputTokens, modelOf } from "@nornr/support/scripted-model"
import { sqliteSaver } from "@nornr/support/sqlite-saver"
import { buy } from "@nornr/support/vendor"
import { createAgent, tool } from "langchain"
import { z } from "zod"
import { wallet } from "./wallet.ts"

// #endregion imports
const model = modelOf([
  [
    { name: "buy_report", args: { title: "the market report", pages: 250 } },
    { name: "buy_report", args: { title: "the full archive", pages: 600 } },
    { name: "buy_report", args: { title: "the appendix", pages: 500 } },
  ],
  "I have the market report and the archive. The appendix does not fit today's budget.",
])
const checkpointer = sqliteSaver(process.env["CHECKPOINTS"] ?? ":memory:")

// #region tool
const report = tool(
  async ({ title, pages }) => buy(`${title} (${pages} pages)`, currentSpend()?.idempotencyKey),
  {
    name: "buy_report",
    description: "Buys a report. A page costs 0.05 USD.",
    schema: z.object({ title: z.string(), pages: z.number().int().positive() }),
  },
)

const buyReport = governedTool(report, {
  wallet,
  amount: ({ pages }) => pages * 0.05, // USD, held before it runs
  to: "reports.example",
})
// #endregion tool

// #region agent
export const agent = createAgent({
  model,
  tools: [buyReport],
  checkpointer,
  middleware: [
    walletMiddleware({
      wallet,
      model: { to: "openai", price: { input: "1.25", output: "10" }, maxOutputTokens },
    }),
  ],
})
// #endregion agent
