// The first process: the agent works as far as it may, and ends with calls that wait for a person.
// #region ask
import { decisionsOf, pendingDecisions } from "@nornr/openai-agents"
import { save } from "@nornr/support/states"
import { run } from "@openai/agents"
import { agent } from "./agent.ts"
import { wallet } from "./wallet.ts"

const task =
  "Order a keyboard (8 USD, keys.example), 34 seats of the editor (34 USD, editor.example), " +
  "a standing desk (60 USD, desks.example) and a gift card (5 USD, gift-cards.example)."
const result = await run(agent, task, { context: { conversation: "onboarding" } })

for (const { amount, to, status, message } of decisionsOf(result)) {
  console.log(`  ${amount} USD to ${to}: ${status === "rejected" ? message : status}`)
}
for (const { id, amount, to, reasons } of pendingDecisions(result)) {
  await save(id, result.state.toString())
  console.log(`  ${amount} USD to ${to}: waits for a person, as ${id}`)
  for (const { message } of reasons) console.log(`    ${message}`)
}
// #endregion ask
await wallet.close()
