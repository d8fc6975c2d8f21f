// A team in the OpenAI Agents SDK, run for real: a manager whose agents are tools, and AutoGen's round robin. A vendor,
// a process for each part, one ledger. Exits non-zero if anything differs from what it says.
import assert from "node:assert/strict"
import { Wallet } from "@nornr/openai-agents"
import { environmentOf, startOpenAI } from "@nornr/support/openai-server"
import { tell } from "@nornr/support/processes"
import { isReal } from "@nornr/support/provider"
import { requireSold, startVendor } from "@nornr/support/vendor"

const openai = await startOpenAI({
  "You are the manager": [
    [
      { name: "ask_researcher", args: { input: "The autumn reports on one page, please." } },
      { name: "ask_designer", args: { input: "A clip of the launch, please." } },
    ],
    "The reports are on one page, the clip is there.",
  ],
  "You are the researcher": [
    [{ name: "summarise", args: { topic: "the autumn reports", price: 16 } }],
    "It is one page.",
  ],
  "You are the designer": [
    [{ name: "render", args: { clip: "the launch", price: 34 } }],
    "The clip is there.",
  ],
  "You sit in a round": [
    "Let us have the spring reports summarised for 6 USD.",
    "It is worth 6 USD.",
    [{ name: "summarise", args: { topic: "the spring reports", price: 6 } }],
    "They are summarised.",
    "All is done. TERMINATE",
  ],
})
const vendor = await startVendor()
const environment = { SERVICE_URL: vendor.url, ...environmentOf(openai) }
const sold = ["a summary of the autumn reports", "a clip of the launch", "a summary of the spring reports"]
try {
  await tell(import.meta.dirname, environment, async ({ run, ledger }) => {
    console.log("1. A manager asks two agents at once: 70.00 USD a day, a person decides above 25.00 USD")
    await run("ask.ts")
    requireSold(vendor, sold.slice(0, 1))

    console.log("2. A reviewer approves, the manager's run goes on")
    await run("review.ts")
    await run("resume.ts")
    requireSold(vendor, sold.slice(0, 2))

    console.log("3. A round robin, one executor")
    await run("round-robin.ts")
    requireSold(vendor, sold)

    console.log("4. Who spent what")
    await showRecord(ledger)
  })
} finally {
  openai.close()
  vendor.close()
}

async function showRecord(ledger: string): Promise<void> {
  await using wallet = await Wallet.connect({ owner: "autogen-operator", ledger })
  // #region record
  for (const agent of ["researcher", "designer", "executor"]) {
    for await (const { at, type, data } of wallet.trail({ agent })) {
      const said = [data["status"], data["amount"] ?? data["cost"]].filter((each) => each !== undefined)
      console.log(`  ${at.slice(11, 16)} ${agent} ${type} ${said.join(" ")}`.trimEnd())
    }
  }
  const report = await wallet.verify()
  console.log(report.ok ? `  verified: ${report.events} events` : report.message)
  // #endregion record
  assert(report.ok)
  const { settled } = (await wallet.balance()).limits.find(({ name }) => name === "dailyLimit") ?? {}
  assert(isReal || settled === "56.00", `settled is ${settled}`)
}
