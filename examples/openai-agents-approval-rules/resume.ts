// A worker: it resumes what reviewers have decided, also while it was down. Any number of them may run.
// #region resume
import { decisionsOf, pendingDecisions } from "@nornr/openai-agents"
import { drop, load, save } from "@nornr/support/states"
import { RunState, run } from "@openai/agents"
import { agent } from "./agent.ts"
import { wallet } from "./wallet.ts"

const stop = new AbortController()
process.on("SIGTERM", () => stop.abort())
console.log("  a worker listens")

for await (const { id, approval } of wallet.reviewed({ signal: stop.signal })) {
  const saved = await load(id)
  if (saved === undefined) continue
  const result = await run(agent, await RunState.fromString(agent, saved))
  for (const waiting of pendingDecisions(result)) await save(waiting.id, result.state.toString())
  await drop(id)
  const decision = decisionsOf(result).find((each) => each.id === id)
  console.log(
    `  ${approval?.by} has ${approval?.state} it: ${decision?.amount} USD ${decision?.execution.state}`,
  )
  console.log(`  agent: ${result.finalOutput}`)
}
// #endregion resume
await wallet.close()
