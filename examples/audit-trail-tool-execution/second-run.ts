// Another process, later: the ledger still knows the day, and a repeated call is not paid again.
import assert from "node:assert/strict"
import { execute } from "./executor.ts"
import { openWallet } from "./open-wallet.ts"
import { statusText } from "./screen.ts"
import { conversation, thread } from "./team.ts"

await using wallet = await openWallet()
const [daily] = (await wallet.balance()).limits
console.log(`  still knows: ${daily?.settled} spent, ${daily?.held} held, ${daily?.remaining} USD left today`)

const [first] = conversation.flatMap(({ calls }) => calls ?? [])
assert(first !== undefined && daily !== undefined)
const { decision, result } = await execute(wallet, process.env["SERVICE_URL"] ?? "", thread, first)
console.log(
  `  ${first.tool} again, same call: ${statusText(decision.status)} before, not run and not paid twice`,
)

const preview = await wallet.check({ amount: 20.01, to: "openai" })
console.log(`  20.01 USD more? ${statusText(preview.status)}: ${preview.reasons[0]?.message}`)

assert.deepEqual([daily.settled, daily.held, daily.remaining], ["16.00", "34.00", "20.00"])
assert(decision.replayed === true && decision.execution.state === "settled" && result === undefined)
assert(preview.reasons[0]?.code === "daily_limit_exceeded")
