// The guide "approval rules for an OpenAI agent", run for real: a vendor, a process for each part, one ledger. The
// model is OpenAI's where its key is set, else a server on loopback that speaks its protocol.
// Exits non-zero if anything differs from what it says.
import assert from "node:assert/strict"
import { Wallet } from "@nornr/openai-agents"
import { environmentOf, startOpenAI } from "@nornr/support/openai-server"
import { tell } from "@nornr/support/processes"
import { isReal } from "@nornr/support/provider"
import { requireSold, startVendor } from "@nornr/support/vendor"

const orders = [
  { vendor: "keys.example", item: "a keyboard", price: 8 },
  { vendor: "editor.example", item: "34 seats of the editor", price: 34 },
  { vendor: "desks.example", item: "a standing desk", price: 60 },
  { vendor: "gift-cards.example", item: "a gift card", price: 5 },
]
const openai = await startOpenAI({
  "Order pencils": [
    [{ name: "place_order", args: { vendor: "keys.example", item: "pencils", price: 2 } }],
    "They are ordered.",
  ],
  "You are ops": [
    orders.map((args) => ({ name: "place_order", args })),
    "The keyboard and the seats are ordered. The desk does not fit today's budget, and gift cards are not allowed.",
  ],
  "": [[{ name: "buy_report", args: { title: "the market report" } }], "Done."],
})
const vendor = await startVendor()
const environment = { SERVICE_URL: vendor.url, ...environmentOf(openai) }
try {
  await tell(import.meta.dirname, environment, async ({ run, start, ledger }) => {
    console.log(
      "1. The agent works: 75.00 USD a day, a person decides above 25.00 USD, and on new vendors above 10.00 USD",
    )
    await run("ask.ts")
    requireSold(vendor, ["a keyboard"])

    console.log("2. Two workers listen, a reviewer approves")
    const workers = [start("resume.ts"), start("resume.ts")]
    await Promise.all(workers.map((worker) => worker.printed("a worker listens")))
    const resumed = isReal ? undefined : Promise.any(workers.map((worker) => worker.printed("agent:")))
    await run("review.ts")
    await resumed
    await Promise.all(workers.map((worker) => worker.stop()))
    requireSold(vendor, ["a keyboard", "34 seats of the editor"])

    console.log("3. The record")
    await showRecord(ledger)

    if (isReal) return
    console.log("4. A run that is streamed")
    await run("stream.ts")

    console.log("5. A wallet for each customer: 5.00 USD a day")
    await run("customers.ts")
  })
  assert(!openai.bodies.join("").includes("nornr"), "the model is sent no decision")
} finally {
  openai.close()
  vendor.close()
}

async function showRecord(ledger: string): Promise<void> {
  await using wallet = await Wallet.connect({ owner: "ops-agent", ledger })
  // #region record
  for await (const { at, type, data } of wallet.trail({ thread: "onboarding" })) {
    const said = [data["status"], data["amount"] ?? data["cost"]].filter((each) => each !== undefined)
    console.log(`  ${at.slice(11, 16)} ${type} ${said.join(" ")}`.trimEnd())
  }
  const [daily] = (await wallet.balance()).limits
  console.log(`  ${daily?.settled} USD spent of ${daily?.limit}, ${daily?.held} held`)
  const report = await wallet.verify()
  console.log(report.ok ? `  verified: ${report.events} events` : report.message)
  // #endregion record
  assert(report.ok)
  assert.equal(daily?.held, "0.00")
  assert(isReal || daily?.settled === "42.00", `settled is ${daily?.settled}`)
}
