// The reviewer, in a process of their own: what waits for a person, and what a person does about it.
import assert from "node:assert/strict"
import { ReviewDesk } from "@nornr/core"
import { paint } from "./screen.ts"

// #region desk
await using desk = await ReviewDesk.open({ reviewer: "ana@example.com" })
for (const { id, amount, to, run, args } of await desk.pending()) {
  console.log(`  waits: ${amount} USD to ${to}, for ${run.agent}: ${run.tool} ${JSON.stringify(args)}`)
  await desk.approve(id, { comment: "within the campaign" })
  console.log(`  ${paint("green", "approved")} by ${desk.reviewer}`)
}
// #endregion desk
assert.deepEqual(await desk.pending(), [])
