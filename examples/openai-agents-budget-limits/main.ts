// The guide "budget limits for an OpenAI agent", run for real. The model is OpenAI's where its key is set, else a
// server on loopback that speaks its protocol. Exits non-zero if anything differs from what it says.
import assert from "node:assert/strict"
import { Wallet } from "@nornr/openai-agents"
import { environmentOf, startOpenAI } from "@nornr/support/openai-server"
import { tell } from "@nornr/support/processes"
import { isReal } from "@nornr/support/provider"

const openai = await startOpenAI(["Prices fell by a fifth this year. Installers are the bottleneck now."])
try {
  await tell(import.meta.dirname, environmentOf(openai), async ({ run, ledger }) => {
    console.log("1. Three runs, and one that does not start: 40.00 USD a day")
    await run("research.ts")
    if (!isReal) assert.equal(openai.bodies.length, 3, "no model is asked for the fourth")

    console.log("2. The record")
    await showRecord(ledger)
  })
} finally {
  openai.close()
}

async function showRecord(ledger: string): Promise<void> {
  await using wallet = await Wallet.connect({ owner: "research-agent", ledger })
  // #region record
  const spent: Record<string, number> = {}
  for await (const { type, data } of wallet.trail()) {
    if (type !== "decision.made") continue
    const to = String(data["to"])
    spent[to] = (spent[to] ?? 0) + 1
  }
  console.log(`  decisions: ${JSON.stringify(spent)}`)
  const [daily] = (await wallet.balance()).limits
  console.log(`  ${daily?.settled} USD settled, ${daily?.held} held, ${daily?.remaining} left`)
  const report = await wallet.verify()
  console.log(report.ok ? `  verified: ${report.events} events` : report.message)
  // #endregion record
  assert(report.ok)
  assert.deepEqual(spent, { "data.example": 5, openai: 3 })
  assert.equal(daily?.held, "19.00")
}
