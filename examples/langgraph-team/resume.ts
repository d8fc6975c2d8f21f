// A worker: the team goes on where it waited.
import { resumeCommand } from "@nornr/langgraph"
import { team } from "./team.ts"
import { wallet } from "./wallet.ts"

const stop = new AbortController()
process.on("SIGTERM", () => stop.abort())
console.log("  a worker listens")

// #region resume
for await (const { run } of wallet.reviewed({ signal: stop.signal })) {
  const config = { configurable: { thread_id: run.thread ?? "" } }
  const command = await resumeCommand(team, config)
  if (command === undefined) continue
  const { messages } = await team.invoke(command, config)
  console.log(`  ${messages.at(-1)?.name}: ${messages.at(-1)?.text}`)
}
// #endregion resume
await wallet.close()
