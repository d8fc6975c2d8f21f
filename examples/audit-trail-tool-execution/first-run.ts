// The team at work: each tool call is decided before it runs.
import assert from "node:assert/strict"
import { type Executed, execute } from "./executor.ts"
import { openWallet } from "./open-wallet.ts"
import { paint, statusText } from "./screen.ts"
import { conversation, thread } from "./team.ts"

const service = process.env["SERVICE_URL"] ?? ""
await using wallet = await openWallet()
const executed: Executed[] = []
for (const { speaker, says, calls } of conversation) {
  console.log(`  ${paint("cyan", speaker)}: ${says}`)
  if (calls === undefined) continue
  const done = await execute(wallet, service, thread, calls)
  const { decision, result } = done
  console.log(`    ${calls.tool}, ${decision.amount} USD to ${decision.to}: ${statusText(decision.status)}`)
  console.log(paint("dim", `      ${result === undefined ? decision.message : `result: ${result}`}`))
  const { seq, hash } = decision.receipt
  console.log(paint("dim", `      decision ${decision.id}, receipt #${seq} ${hash.slice(0, 12)}`))
  executed.push(done)
}

const [summarise, render, list, train] = executed.map(({ decision }) => decision)
assert(summarise?.status === "approved" && summarise.execution.settled === "16.00")
assert(render?.status === "queued" && render.requiresApproval)
assert(list?.status === "rejected" && list.reasons[0]?.code === "counterparty_denied")
assert(train?.status === "rejected" && train.reasons[0]?.code === "daily_limit_exceeded")
