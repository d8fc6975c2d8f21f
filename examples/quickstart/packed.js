// What a user's first program does, on the packed package: run by scripts/check-packages.ts.
import assert from "node:assert/strict"
import { Wallet } from "@nornr/core"
import { testLedger } from "@nornr/core/contracts"

const wallet = await Wallet.create({ owner: "packed", dailyLimit: 70, requireApprovalAbove: 25 })
const decision = await wallet.pay({ amount: 16, to: "openai", purpose: "tool execution" })
assert.equal(decision.status, "approved")
await wallet.settle(decision, 14.2)
assert.equal((await wallet.verify()).ok, true)
assert.equal(typeof testLedger, "function")
console.log("the packed package works")
