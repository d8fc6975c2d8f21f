// A unit test of a paid tool of one's own: no ledger file, no waiting, any test runner.
import assert from "node:assert/strict"
// #region test
import { governed } from "@nornr/core"
import { testWallet } from "@nornr/core/testing"

const terms = { dailyLimit: 50, requireApprovalAbove: 20, at: "2026-11-22T23:59:00Z" }
const { wallet, desk, clock, fail } = await testWallet(terms)
const buy = governed(async ({ pages }: { pages: number }) => `${pages} pages`, {
  name: "buy_report",
  wallet,
  amount: ({ pages }) => pages,
  to: "reports.example",
})

const queued = await buy({ pages: 30 }, { key: "call_1" })
assert.equal(queued.status, "queued")
await desk.approve(queued.decision)
assert.equal((await buy({ pages: 30 }, { key: "call_1" })).status, "done")

assert.equal((await buy({ pages: 25 })).status, "rejected")
clock.advance("2m") // the next day
assert.equal((await buy({ pages: 20 })).status, "done")

fail("ledger_unavailable") // once: nothing runs
await assert.rejects(buy({ pages: 1 }), { code: "ledger_unavailable" })
// #endregion test
console.log("the tool asks, waits, runs once and fails closed")
