// Another process: it hears what reviewers decided, also while it was down, and makes those calls again.
import { openExecutor } from "./executor.ts"
import { openWallet } from "./open-wallet.ts"
import { statusText } from "./screen.ts"
import { conversation } from "./team.ts"

await using wallet = await openWallet()
const executor = openExecutor(wallet, process.env["SERVICE_URL"] ?? "")
const stop = new AbortController()
// #region watch
for await (const { run } of wallet.reviewed({ signal: stop.signal })) {
  const calls = conversation.flatMap(({ call }) => call ?? []).filter(({ id }) => id === run.call)
  const [executed] = await executor.execute(calls, { thread: run.thread ?? "" })
  console.log(`  ${run.tool} of thread ${run.thread}: ${statusText(executed?.status ?? "")}`)
  stop.abort() // a worker goes on until it is told to stop
}
// #endregion watch
