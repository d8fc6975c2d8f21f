// Another process, later: it makes the call again. What a reviewer approved runs once, whoever resumes it.
import assert from "node:assert/strict"
import { openExecutor } from "./executor.ts"
import { openWallet } from "./open-wallet.ts"
import { statusText } from "./screen.ts"
import { conversation, thread } from "./team.ts"

await using wallet = await openWallet()
const executor = openExecutor(wallet, process.env["SERVICE_URL"] ?? "")
const render = conversation.flatMap(({ call }) => call ?? []).filter(({ name }) => name === "render")
// #region resume
const [executed] = await executor.execute(render, { thread })
// #endregion resume
assert(executed?.status === "done" && executed.decision !== undefined)
const { approval, execution, replayed } = executed.decision
const how = replayed === true ? "the recorded result" : `it ran, approved by ${approval?.by}`
console.log(`  render: ${statusText(executed.status)}, ${how}, ${execution.settled} USD settled`)
