// Three questions, 6 USD of data for each, and one that the budget stops.
// #region research
import { type BudgetInfo, decisionsOf } from "@nornr/openai-agents"
import { InputGuardrailTripwireTriggered, run } from "@openai/agents"
import { agent } from "./agent.ts"
import { wallet } from "./wallet.ts"

for (const topic of ["solar roofs", "heat pumps", "wall boxes"]) {
  const decision = await wallet.pay({ amount: 6, to: "data.example", purpose: `data on ${topic}` })
  if (decision.status !== "approved") break
  const result = await run(agent, `What is new with ${topic}?`)
  await wallet.settle(decision) // the data was delivered, and cost what was held
  const [call] = decisionsOf(result)
  console.log(`  ${topic}: ${result.finalOutput}`)
  console.log(`    data ${decision.amount} USD, model ${call?.execution.settled} USD of ${call?.amount} held`)
}

// Two more purchases, so that little is left.
await wallet.pay({ amount: 14, to: "data.example", purpose: "the archive" })
await wallet.pay({ amount: 5, to: "data.example", purpose: "the index" })
try {
  await run(agent, "What is new with batteries?")
} catch (error) {
  if (!(error instanceof InputGuardrailTripwireTriggered)) throw error
  const { reasons }: BudgetInfo = error.result.output.outputInfo
  for (const { message } of reasons) console.log(`  no fourth run: ${message}`)
}
// #endregion research
await wallet.close()
