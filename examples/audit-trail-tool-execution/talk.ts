// The team at work: each tool call is decided before it runs. Takes "conversation" or "afterwards".
import assert from "node:assert/strict"
import type { Executed } from "@nornr/core"
import { openExecutor } from "./executor.ts"
import { openWallet } from "./open-wallet.ts"
import { fold, paint, statusText } from "./screen.ts"
import { afterwards, conversation, thread } from "./team.ts"

const isFirst = process.argv[2] !== "afterwards"
await using wallet = await openWallet()
const executor = openExecutor(wallet, process.env["SERVICE_URL"] ?? "")
const all: Executed[] = []
for (const { speaker, says, call } of isFirst ? conversation : afterwards) {
  console.log(`  ${paint("cyan", speaker)}: ${says}`)
  if (call === undefined) continue
  const [executed] = await executor.execute([call], { thread })
  assert(executed?.decision !== undefined)
  const { decision } = executed
  const result = executed.status === "done" ? (executed.result as { result: string }).result : undefined
  console.log(`    ${call.name}, ${decision.amount} USD to ${decision.to}: ${statusText(executed.status)}`)
  const told = executed.status === "done" ? `result: ${result}` : executed.message
  console.log(paint("dim", fold(told, 6)))
  const { seq, hash } = decision.receipt
  console.log(paint("dim", `      ${decision.id}, receipt #${seq} ${hash.slice(0, 8)}`))
  all.push(executed)
}
if (isFirst) {
  const [summarise, render, list, train] = all.map(({ decision }) => decision)
  assert(summarise?.status === "approved" && summarise.execution.settled === "16.00")
  assert(render?.status === "queued" && render.requiresApproval)
  assert(list?.status === "rejected" && list.reasons[0]?.code === "counterparty_denied")
  assert(train?.status === "rejected" && train.reasons[0]?.code === "daily_limit_exceeded")
}
