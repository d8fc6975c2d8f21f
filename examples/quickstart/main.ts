// The README's first code, as it stands there. Run it twice: the second run still knows what the first spent.
// #region quickstart
import { Wallet } from "@nornr/core"

const wallet = await Wallet.create({ owner: "research-agent", dailyLimit: 70, requireApprovalAbove: 25 })

const decision = await wallet.pay({ amount: 16, to: "openai", purpose: "tool execution" })
if (decision.status === "approved") {
  const bill = 14.2 // call the paid tool here; this is what it charged
  await wallet.settle(decision, bill)
} else {
  console.log(decision.message) // queued: a person decides; rejected: why, and what would be allowed
}
// #endregion quickstart

const [daily] = (await wallet.balance()).limits
console.log(
  `${daily?.settled} spent, ${daily?.remaining} of ${daily?.limit} USD left until ${daily?.resetsAt}`,
)
