// The first process: the agent works as far as it may, and ends with a call that waits for a person.
// #region ask
import { decisionsOf, pendingDecisions } from "@nornr/langchain"
import { agent } from "./agent.ts"
import { wallet } from "./wallet.ts"

const config = { configurable: { thread_id: "autumn" } }
const task = "Buy the market report (250 pages), the full archive (600) and the appendix (500)."
const result = await agent.invoke({ messages: [{ role: "user", content: task }] }, config)

for (const { status, amount, to, message } of decisionsOf(result)) {
  const said = status === "rejected" ? message : status
  console.log(`  ${Number(amount).toFixed(2)} USD to ${to}: ${said}`)
}
for (const { amount, to, id } of pendingDecisions(result)) {
  console.log(`  ${amount} USD to ${to}: waits for a person, as ${id}`)
}
// #endregion ask
await wallet.close()
