// The guide "a budget for a LangChain agent", run for real: a vendor, a process for each part, one ledger.
// Exits non-zero if anything differs from what it says.
import assert from "node:assert/strict"
import { Wallet } from "@nornr/langchain"
import { tell } from "@nornr/support/processes"
import { isReal } from "@nornr/support/provider"
import { requireSold, startVendor } from "@nornr/support/vendor"

const vendor = await startVendor()
try {
  await tell(import.meta.dirname, { SERVICE_URL: vendor.url }, async ({ run, start, ledger }) => {
    console.log("1. The agent works: 50.00 USD a day, a person decides above 20.00 USD")
    await run("ask.ts")
    requireSold(vendor, ["the market report (250 pages)"])

    console.log("2. Two workers listen, a reviewer approves")
    const workers = [start("resume.ts"), start("resume.ts")]
    await Promise.all(workers.map((worker) => worker.printed("a worker listens")))
    const resumed = isReal ? undefined : Promise.any(workers.map((worker) => worker.printed("agent:")))
    await run("review.ts")
    await resumed
    await Promise.all(workers.map((worker) => worker.stop()))
    requireSold(vendor, ["the market report (250 pages)", "the full archive (600 pages)"])

    console.log("3. The record")
    await showRecord(ledger)

    if (isReal) return
    console.log("4. A wallet for each customer: 5.00 USD a day")
    await run("customers.ts")
  })
} finally {
  vendor.close()
}

async function showRecord(ledger: string): Promise<void> {
  await using wallet = await Wallet.connect({ owner: "research-agent", ledger })
  // #region record
  for await (const { at, type, data } of wallet.trail({ thread: "autumn" })) {
    const amount = data["amount"] ?? data["cost"]
    console.log(`  ${at.slice(11, 16)} ${type}${amount === undefined ? "" : ` ${usd(amount)}`}`)
  }
  const [daily] = (await wallet.balance()).limits
  console.log(`  ${usd(daily?.settled)} spent of ${daily?.limit}, ${daily?.held} held`)
  const report = await wallet.verify()
  console.log(report.ok ? `  verified: ${report.events} events` : report.message)
  // #endregion record
  assert(report.ok)
  assert.equal(daily?.held, "0.00")
  assert(isReal || (Number(daily?.settled) > 42.5 && Number(daily?.settled) < 42.51))
}

function usd(amount: unknown): string {
  return Number(amount) < 0.01 ? `${amount} USD` : `${Number(amount).toFixed(2)} USD`
}
