// The README's first code, as it stands there. Run it twice: the second run still knows what the first spent.
// #region quickstart
import { governed, Wallet } from "@nornr/core"

const wallet = await Wallet.create({ owner: "research-agent", dailyLimit: 70, requireApprovalAbove: 25 })

const buyReport = governed(orderReport, {
  name: "buy_report",
  wallet,
  amount: ({ pages }) => pages * 0.02, // USD, held before it runs
  to: "reports.example",
  charged: (report) => report.billed, // what it really cost
})

const outcome = await buyReport({ pages: 800 }, { key: "call_1" }) // known by its key: it runs once
if (outcome.status === "done") console.log(outcome.result.title, outcome.decision.receipt)
else console.log(outcome.message) // queued, rejected, failed or unknown: what to tell the model
// #endregion quickstart

// #region pay
const decision = await wallet.pay({ amount: 16, to: "openai", purpose: "tool execution" })
if (decision.status === "approved") await wallet.settle(decision, 14.2)
// #endregion pay

const [daily] = (await wallet.balance()).limits
console.log(
  `${daily?.settled} spent, ${daily?.remaining} of ${daily?.limit} USD left until ${daily?.resetsAt}`,
)

/** The paid tool: here it would call its vendor. */
async function orderReport({ pages }: { readonly pages: number }) {
  return { title: `A report of ${pages} pages`, billed: pages * 0.018 }
}
