// A worker: it resumes what reviewers have decided, also while it was down. Any number of them may run.
import { decisionsOf, resumeCommand } from "@nornr/langchain"
import { agent } from "./agent.ts"
import { wallet } from "./wallet.ts"

const stop = new AbortController()
process.on("SIGTERM", () => stop.abort())
console.log("  a worker listens")

// #region resume
for await (const { run } of wallet.reviewed({ signal: stop.signal })) {
  const config = { configurable: { thread_id: run.thread ?? "" } }
  const command = await resumeCommand(agent, config)
  if (command === undefined) continue // nothing that waits in this thread is decided
  const result = await agent.invoke(command, config)
  const [bought] = decisionsOf(result).filter(({ approval }) => approval !== undefined)
  console.log(
    `  ${bought?.amount} USD to ${bought?.to}: ${bought?.execution.state}, approved by ${bought?.approval?.by}`,
  )
  console.log(`  agent: ${result.messages.at(-1)?.text}`)
}
// #endregion resume
await wallet.close()
