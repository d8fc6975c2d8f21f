// The guide "gate the paid tools of a LangGraph graph", run for real: a vendor, a process for each part, one ledger.
// Exits non-zero if anything differs from what it says.
import assert from "node:assert/strict"
import { Wallet } from "@nornr/langgraph"
import { tell } from "@nornr/support/processes"
import { startVendor } from "@nornr/support/vendor"

const vendor = await startVendor()
try {
  await tell(import.meta.dirname, { SERVICE_URL: vendor.url }, async ({ run, start, ledger }) => {
    console.log("1. Three requests: 60.00 USD a day, a person decides above 20.00 USD")
    await run("start.ts")
    requireSold(["a domain name"])

    console.log("2. A reviewer approves, while no process of the graph runs")
    await run("review.ts")
    requireSold(["a domain name"])

    console.log("3. Two workers start")
    const workers = [start("resume.ts"), start("resume.ts")]
    const resumed = Promise.any(workers.map((worker) => worker.printed("goes on")))
    await Promise.all([...workers.map((worker) => worker.printed("a worker listens")), resumed])
    await Promise.all(workers.map((worker) => worker.stop()))
    requireSold(["a domain name", "a week of servers"])

    console.log("4. The record")
    await showRecord(ledger)
  })
} finally {
  vendor.close()
}

function requireSold(expected: readonly string[]): void {
  console.log(`  the vendor has sold: ${vendor.sold.join(", ")}`)
  assert.deepEqual(vendor.sold, expected)
}

async function showRecord(ledger: string): Promise<void> {
  await using wallet = await Wallet.connect({ owner: "ops-graph", ledger })
  // #region record
  for await (const { at, type, data } of wallet.trail({ thread: "servers" })) {
    console.log(
      `  ${at.slice(11, 16)} ${type} ${data["status"] ?? data["state"] ?? data["cost"] ?? ""}`.trimEnd(),
    )
  }
  const [daily] = (await wallet.balance()).limits
  console.log(`  ${daily?.settled} USD spent of ${daily?.limit}, ${daily?.held} held`)
  const report = await wallet.verify()
  console.log(report.ok ? `  verified: ${report.events} events` : report.message)
  // #endregion record
  assert(report.ok)
  assert.deepEqual([daily?.settled, daily?.held], ["40.00", "0.00"])
}
