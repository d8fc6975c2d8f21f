// What a user's first program does, on the packed package: run by scripts/check-packages.ts.
import assert from "node:assert/strict"
import { governed, ReviewDesk, Wallet } from "@nornr/core"
import { testAdapter, testLedger } from "@nornr/core/contracts"
import { testWallet } from "@nornr/core/testing"

const wallet = await Wallet.create({ owner: "packed", dailyLimit: 70, requireApprovalAbove: 25 })
const render = governed(async () => "a clip", { name: "render", wallet, amount: 30, to: "render.example" })
const queued = await render({}, { key: "call_1" })
assert.equal(queued.status, "queued")
const desk = await ReviewDesk.open({ reviewer: "ana@example.com" })
await desk.approve(queued.decision)
assert.equal((await render({}, { key: "call_1" })).status, "done")
assert.equal((await wallet.verify()).ok, true)
assert.equal((await (await testWallet()).wallet.pay({ amount: 1, to: "openai" })).status, "approved")
assert.equal(typeof testLedger, "function")
assert.equal(typeof testAdapter, "function")
console.log("the packed package works")
