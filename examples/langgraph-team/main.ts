// The guide "an audit trail for a team of agents", run for real: a vendor, a process for each part, one ledger.
// Exits non-zero if anything differs from what it says.
import assert from "node:assert/strict"
import { Wallet } from "@nornr/langgraph"
import { tell } from "@nornr/support/processes"
import { isReal } from "@nornr/support/provider"
import { requireSold, startVendor } from "@nornr/support/vendor"

const vendor = await startVendor()
try {
  await tell(import.meta.dirname, { SERVICE_URL: vendor.url }, async ({ run, start, ledger }) => {
    console.log("1. Two speakers, one executor: 70.00 USD a day, a person decides above 25.00 USD")
    await run("talk.ts")
    requireSold(vendor, ["a summary of the autumn reports"])

    console.log("2. A reviewer approves, a worker lets the team go on")
    const worker = start("resume.ts")
    await worker.printed("a worker listens")
    const resumed = isReal ? undefined : worker.printed("TERMINATE")
    await run("review.ts")
    await resumed
    await worker.stop()
    requireSold(vendor, ["a summary of the autumn reports", "a clip of the launch"])

    console.log("3. Who spent what")
    await showRecord(ledger)
  })
} finally {
  vendor.close()
}

async function showRecord(ledger: string): Promise<void> {
  await using wallet = await Wallet.connect({ owner: "autogen-operator", ledger })
  // #region record
  for (const agent of ["researcher", "designer"]) {
    for await (const { at, type, data } of wallet.trail({ thread: "launch", agent })) {
      const amount = data["amount"] ?? data["cost"] ?? ""
      console.log(`  ${at.slice(11, 16)} ${agent} ${type} ${amount}`.trimEnd())
    }
  }
  const report = await wallet.verify()
  console.log(report.ok ? `  verified: ${report.events} events` : report.message)
  // #endregion record
  assert(report.ok)
  const { settled } = (await wallet.balance()).limits.find(({ name }) => name === "dailyLimit") ?? {}
  assert(isReal || settled === "50.00", `settled is ${settled}`)
}
