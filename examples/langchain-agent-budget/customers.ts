// One tool, a wallet for each customer: the context of a run says whose it is.
import assert from "node:assert/strict"
import { decisionsOf, governedTool, Wallet } from "@nornr/langchain"
import { modelOf } from "@nornr/support/scripted-model"
import { createAgent, tool } from "langchain"
import { z } from "zod"

const report = tool(async ({ title }) => `${title}, delivered`, {
  name: "buy_report",
  description: "Buys a report for 4 USD.",
  schema: z.object({ title: z.string() }),
})
const model = modelOf([[{ name: "buy_report", args: { title: "the market report" } }], "Done."])

// #region customers
const Context = z.object({ customer: z.string() })

const buyReport = governedTool(report, {
  wallet: ({ context }) =>
    Wallet.create({ owner: `customer-${Context.parse(context).customer}`, dailyLimit: 5 }),
  amount: 4,
  to: "reports.example",
})

const agent = createAgent({ model, tools: [buyReport], contextSchema: Context })
for (const customer of ["ada", "ada", "bob"]) {
  const messages = [{ role: "user" as const, content: "Buy the market report." }]
  const result = await agent.invoke({ messages }, { context: { customer } })
  console.log(`  ${customer}: ${decisionsOf(result)[0]?.status}`)
}
// #endregion customers
await using ada = await Wallet.connect({ owner: "customer-ada" })
assert.equal((await ada.balance()).limits[0]?.settled, "4.00")
