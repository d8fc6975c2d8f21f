// A worker: it resumes what reviewers have decided, also while it was down. Any number of them may run.
import { decisionsOf } from "@nornr/openai-agents"
import { drop, load, save } from "@nornr/support/states"
import { RunState, run } from "@openai/agents"
import { agent } from "./agent.ts"
import { wallet } from "./wallet.ts"

const stop = new AbortController()
process.on("SIGTERM", () => stop.abort())
console.log("  a worker listens")

// #region resume
for await (const decision of wallet.reviewed({ signal: stop.signal })) {
  const conversation = decision.run.thread ?? ""
  const saved = await load(conversation)
  if (saved === undefined) continue
  const result = await run(agent, await RunState.fromString(agent, saved))
  if (result.interruptions.length > 0) await save(conversation, result.state.toString())
  else await drop(conversation)
  const [bought] = decisionsOf(result).filter(({ id }) => id === decision.id)
  console.log(`  ${bought?.amount} USD: ${bought?.execution.state}, approved by ${bought?.approval?.by}`)
  console.log(`  agent: ${result.finalOutput}`)
}
// #endregion resume
await wallet.close()
