// The same agent, its run streamed.
// #region stream
import { decisionsOf, pendingDecisions } from "@nornr/openai-agents"
import { run } from "@openai/agents"
import { agent } from "./agent.ts"
import { wallet } from "./wallet.ts"

const context = { conversation: "stationery" }
const stream = await run(agent, "Order pencils (2 USD, keys.example).", { context, stream: true })
for await (const event of stream) {
  if (event.type === "run_item_stream_event") console.log(`  ${event.name}`)
}
await stream.completed // only then are there interruptions, a state to save, and all decisions
console.log(`  ${decisionsOf(stream)[0]?.status}, ${pendingDecisions(stream).length} waiting`)
// #endregion stream
await wallet.close()
