// The reviewer again, a minute later: what failed, and what nobody knows the outcome of, is held until a person
// has looked.
import assert from "node:assert/strict"
import { ReviewDesk } from "@nornr/core"
import { paint } from "./screen.ts"

const later = { now: () => new Date(Date.now() + 61_000) } // the lease of the process that died has ended
await using desk = await ReviewDesk.open({ reviewer: "ana@example.com", clock: later })
// #region mend
for (const { id, amount, run } of await desk.unknown()) {
  console.log(`  ${paint("yellow", "unknown")}: ${run.tool}, ${amount} USD held`)
  await desk.settle(id, 9, { comment: "the vendor's invoice says 9.00" })
}
for (const { id, amount, run, error } of await desk.failed()) {
  console.log(`  ${paint("yellow", "failed")}: ${run.tool}, ${amount} USD held (${error})`)
  await desk.release(id, { comment: "the vendor charged nothing" })
}
// #endregion mend
console.log("  settled the one at 9.00 USD, released the other")
assert.deepEqual([...(await desk.unknown()), ...(await desk.failed())], [])
