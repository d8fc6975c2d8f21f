// A worker: it resumes what reviewers have decided, also while it was down. Any number of them may run.
import { resumeCommand } from "@nornr/langgraph"
import { graph } from "./graph.ts"
import { wallet } from "./wallet.ts"

const stop = new AbortController()
process.on("SIGTERM", () => stop.abort())
console.log("  a worker listens")

// #region resume
for await (const { run } of wallet.reviewed({ signal: stop.signal })) {
  const config = { configurable: { thread_id: run.thread ?? "" } }
  const command = await resumeCommand(graph, config)
  if (command === undefined) continue // nothing that waits in this thread is decided
  const { said } = await graph.invoke(command, config)
  console.log(`  thread ${run.thread} goes on: ${said}`)
}
// #endregion resume
await wallet.close()
