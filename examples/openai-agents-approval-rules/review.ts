// The reviewer, in a process of their own: nothing the agent has can approve.
// #region review
import { ReviewDesk } from "@nornr/openai-agents"

await using desk = await ReviewDesk.open({ owner: "ops-agent", reviewer: "ana@example.com" })
for (const { id, amount, to, args } of await desk.pending()) {
  console.log(`  ${amount} USD to ${to}, for ${JSON.stringify(args)}`)
  await desk.approve(id, { comment: "the whole team needs it" })
  console.log(`  approved by ${desk.reviewer}`)
}
// #endregion review
