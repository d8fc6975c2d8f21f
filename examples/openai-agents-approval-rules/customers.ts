// One agent, a wallet for each customer: the context of a run says whose it is.
import assert from "node:assert/strict"
import { decisionsOf, governedTool, Wallet } from "@nornr/openai-agents"
import { Agent, run, tool } from "@openai/agents"
import { z } from "zod"

const report = tool({
  name: "buy_report",
  description: "Buys a report for 4 USD.",
  parameters: z.object({ title: z.string() }),
  execute: ({ title }) => `${title}, delivered`,
})

// #region customers
type Context = { customer: string; conversation: string }

const buyReport = governedTool(report, {
  wallet: ({ context }) =>
    Wallet.create({ owner: `customer-${(context as Context).customer}`, dailyLimit: 5 }),
  amount: 4,
  to: "reports.example",
  scope: ({ conversation }: Context) => conversation,
})

const agent = new Agent<Context>({ name: "clerk", model: "gpt-5-mini", tools: [buyReport] })
for (const [index, customer] of ["ada", "ada", "bob"].entries()) {
  const context = { customer, conversation: `${customer} ${index}` }
  const result = await run(agent, "Buy the market report.", { context })
  console.log(`  ${customer}: ${decisionsOf(result)[0]?.status}`)
}
// #endregion customers
await using ada = await Wallet.connect({ owner: "customer-ada" })
assert.equal((await ada.balance()).limits[0]?.settled, "4.00")
