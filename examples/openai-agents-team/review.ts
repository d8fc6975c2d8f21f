// The reviewer, in a process of their own.
// #region review
import { ReviewDesk } from "@nornr/openai-agents"

await using desk = await ReviewDesk.open({ owner: "autogen-operator", reviewer: "ana@example.com" })
for (const { id, run, amount, args } of await desk.pending()) {
  console.log(`  ${run.agent} wants ${run.tool} for ${amount} USD: ${JSON.stringify(args)}`)
  await desk.approve(id)
  console.log(`  approved by ${desk.reviewer}`)
}
// #endregion review
