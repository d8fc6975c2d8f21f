// The reviewer, in a process of their own: nothing the graph has can approve.
// #region review
import { ReviewDesk } from "@nornr/langgraph"

await using desk = await ReviewDesk.open({ owner: "ops-graph", reviewer: "ana@example.com" })
for (const { id, amount, to, purpose } of await desk.pending()) {
  console.log(`  ${amount} USD to ${to}: ${purpose}`)
  await desk.approve(id, { comment: "we need them on Monday" })
  console.log(`  approved by ${desk.reviewer}`)
}
// #endregion review
