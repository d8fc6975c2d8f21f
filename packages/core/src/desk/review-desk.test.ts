import assert from "node:assert/strict"
import { join } from "node:path"
import { describe, test } from "vitest"
import { requireError } from "../../test/require-error.ts"
import {
  call,
  counter,
  eventTypes,
  fail,
  lastData,
  queue,
  soundly,
  terms,
  turn,
  used,
} from "../../test/stage.ts"
import { temporaryFolder } from "../../test/temporary-folder.ts"
import { testWallet } from "../testing/index.ts"
import { Wallet } from "../wallet/wallet.ts"
import { ReviewDesk } from "./review-desk.ts"

describe("a review desk", () => {
  test("lists what waits with its arguments, and says who decided, when and why", async () => {
    const stage = await testWallet(terms)
    await queue(stage)
    const [pending, second] = await stage.desk.pending()
    assert(pending !== undefined && second === undefined)
    assert.deepEqual([pending.args, pending.purpose, pending.amount], [{ q: "cats" }, "search", "30.00"])
    const approved = await stage.desk.approve(pending, { comment: "within the campaign" })
    const { by, at, comment, state } = approved.approval ?? {}
    assert.deepEqual(
      [state, by, at, comment],
      ["approved", "test-reviewer", "2026-01-01T12:00:00.000Z", "within the campaign"],
    )
    assert.deepEqual(await stage.desk.pending(), [])
    await soundly(stage)
  })

  test("gives two reviewers at once one answer, and says who was first", async () => {
    const stage = await testWallet(terms)
    const { decision } = await queue(stage)
    const [first, second] = await Promise.all([stage.desk.approve(decision), stage.desk.approve(decision)])
    assert.equal(second.replayed, true)
    assert.deepEqual(second.receipt, first.receipt)
    await assert.rejects(stage.desk.reject(decision), (error) =>
      requireError(error, "state_conflict", /test-reviewer approved decision dec_\w+ at 2026/),
    )
    await soundly(stage)
  })

  test("refuses an approval of what was frozen meanwhile, and leaves it pending", async () => {
    const stage = await testWallet(terms)
    const { decision } = await queue(stage)
    await stage.desk.freeze()
    await assert.rejects(stage.desk.approve(decision), (error) =>
      requireError(error, "state_conflict", /cannot be approved now: .*frozen/),
    )
    await stage.desk.unfreeze()
    assert.equal((await stage.desk.approve(decision)).status, "approved")
  })

  test("cannot approve what has expired", async () => {
    const stage = await testWallet(terms)
    const { decision } = await queue(stage)
    stage.clock.advance("25h")
    assert.deepEqual(await stage.desk.pending(), [])
    await assert.rejects(stage.desk.approve(decision), { code: "state_conflict" })
    assert.equal((await stage.wallet.decision(decision.id))?.approval?.state, "expired")
  })

  test("approves what was queued before an amendment, as long as it is not denied by it", async () => {
    const stage = await testWallet(terms)
    const { decision } = await queue(stage)
    await stage.desk.amend({ dailyLimit: 1 })
    assert.equal((await stage.desk.approve(decision)).status, "approved")
    const other = await testWallet(terms)
    const denied = await queue(other)
    await other.desk.amend({ counterparties: { deny: ["search.example"] } })
    await assert.rejects(other.desk.approve(denied.decision), /deny list/)
    await soundly(stage)
  })

  test("settles and releases what failed or is unknown, once", async () => {
    const stage = await testWallet(terms)
    const { decision } = await fail(stage)
    const failed = await stage.desk.failed()
    assert.deepEqual(
      failed.map(({ id, error }) => [id, error]),
      [[decision.id, "the vendor said no"]],
    )
    const settled = await stage.desk.settle(decision, 3, { comment: "on the invoice" })
    assert.deepEqual([settled.execution.settled, await used(stage)], ["3.00", ["0.00", "3.00"]])
    const data = await lastData(stage)
    assert.deepEqual([data["by"], data["remark"]], ["test-reviewer", "on the invoice"])
    assert.equal((await stage.desk.settle(decision, 3)).replayed, true)
    await assert.rejects(stage.desk.release(decision), { code: "state_conflict" })
    assert.deepEqual(await stage.desk.failed(), [])
    await soundly(stage)
  })

  test("adjusts what an ended spend has cost: a refund, a later bill", async () => {
    const stage = await testWallet(terms)
    const { decision } = await stage.wallet.govern(call, counter().run)
    const refunded = await stage.desk.adjust(decision, "1.50", { reason: "refunded in part" })
    assert.deepEqual([refunded.execution.settled, await used(stage)], ["1.50", ["0.00", "1.50"]])
    await stage.desk.adjust(decision, 60, { reason: "the bill was wrong" })
    assert.deepEqual(await used(stage), ["0.00", "60.00"])
    assert.equal((await stage.wallet.pay({ amount: 1, to: "openai" })).status, "rejected")
    assert.equal((await stage.desk.adjust(decision, 60, { reason: "again" })).replayed, true)
    const { desk, ...other } = await testWallet(terms)
    const { decision: running } = await fail({ desk, ...other })
    await assert.rejects(desk.adjust(running, 1, { reason: "x" }), { code: "state_conflict" })
    await assert.rejects(desk.adjust(running, 1, {} as never), /reason is missing/)
    await soundly(stage)
  })

  test("counts what a released spend has cost after all", async () => {
    const stage = await testWallet(terms)
    const { decision } = await fail(stage)
    await stage.desk.release(decision)
    const adjusted = await stage.desk.adjust(decision, 5, { reason: "it was charged after all" })
    assert.deepEqual([adjusted.execution.state, await used(stage)], ["settled", ["0.00", "5.00"]])
    await soundly(stage)
  })

  test("freezes, puts under review, revokes: the wallet or one agent of it", async () => {
    const stage = await testWallet(terms)
    const { desk, wallet } = stage
    const ask = async (agent: string) => {
      const { status, reasons } = await wallet.pay({ amount: 1, to: "openai", run: { agent } })
      return [status, reasons[0]?.code]
    }
    await desk.freeze({ agent: "buyer" })
    assert.deepEqual(
      [await ask("buyer"), await ask("writer")],
      [
        ["rejected", "frozen"],
        ["approved", undefined],
      ],
    )
    await desk.unfreeze({ agent: "buyer" })
    await desk.freeze({ mode: "review_only" })
    assert.deepEqual(await ask("buyer"), ["queued", "review_only"])
    await desk.unfreeze()
    await desk.revoke("buyer")
    assert.deepEqual(await ask("buyer"), ["rejected", "agent_revoked"])
    await assert.rejects(desk.unfreeze({ agent: "buyer" }), /was revoked, not frozen.*reinstate/)
    await desk.freeze({ agent: "buyer" })
    assert.deepEqual(await ask("buyer"), ["rejected", "agent_revoked"])
    await desk.reinstate("buyer")
    assert.deepEqual(await ask("buyer"), ["approved", undefined])
    await soundly(stage)
  })

  test("lets what runs finish while it is frozen", async () => {
    const stage = await testWallet(terms)
    const outcome = await stage.wallet.govern(call, async () => stage.desk.freeze())
    assert.equal(outcome.decision.execution.state, "settled")
  })

  test("amends terms, which code cannot overrule from then on", async () => {
    const stage = await testWallet(terms)
    await stage.desk.amend({ dailyLimit: 5 })
    await stage.desk.amend({ dailyLimit: 2 }, { agent: "buyer" })
    const refused = await stage.wallet.pay({ amount: 3, to: "openai", run: { agent: "buyer" } })
    assert.equal(refused.reasons[0]?.code, "daily_limit_exceeded")
    await assert.rejects(stage.desk.amend({ dailyLimit: -1 }), { code: "invalid_amount" })
    await assert.rejects(stage.desk.amend({ dailyLimit: null }), { code: "no_limit" })
    assert.equal((await eventTypes(stage)).filter((type) => type === "mandate.amended").length, 2)
    await soundly(stage)
  })

  test("sets a wallet's time back after a machine wrote to it from the future", async () => {
    const stage = await testWallet({ ...terms, approvalTtl: "2h" })
    const { clock, wallet, desk } = stage
    const before = clock.now()
    clock.set("2030-01-01T00:00:00Z")
    await queue(stage)
    const never = new Promise<string>(() => {})
    void wallet.govern({ ...call, key: "lost" }, () => never)
    await turn()
    clock.set(before)
    await assert.rejects(wallet.pay({ amount: 1, to: "openai" }), { code: "clock_behind" })
    await desk.resetClock("its clock was in 2030")
    const data = await lastData(stage)
    assert.deepEqual(
      [data["from"], data["by"], data["remark"]],
      ["2030-01-01T00:00:00.000Z", "test-reviewer", "its clock was in 2030"],
    )
    assert.equal((await wallet.pay({ amount: 1, to: "openai" })).status, "approved")
    await soundly(stage)
    clock.advance("61s")
    assert.equal((await desk.unknown()).length, 1)
    clock.advance("2h")
    assert.deepEqual(await desk.pending(), [])
    await assert.rejects(desk.resetClock("again"), /not ahead of the clock/)
    await soundly(stage)
  })

  test("is one desk for every wallet of a ledger, and asks which where that is not clear", async () => {
    const folder = temporaryFolder()
    const ledger = join(folder.path, "ledger.db")
    const owners = ["ana", "bob"]
    const wallets = await Promise.all(owners.map((owner) => Wallet.create({ owner, ...terms, ledger })))
    for (const wallet of wallets) await wallet.pay({ amount: 30, to: "openai" })
    await using desk = await ReviewDesk.open({ ledger, reviewer: "ops" })
    const pending = await desk.pending()
    assert.deepEqual(
      pending.map(({ receipt }) => receipt.wallet),
      owners,
    )
    for (const decision of pending) await desk.approve(decision.id)
    await assert.rejects(desk.freeze(), /The ledger has 2 wallets\. Name the owner, such as ana, bob\./)
    await desk.freeze({ owner: "bob" })
    assert.equal((await wallets[0]?.pay({ amount: 1, to: "openai" }))?.status, "approved")
    assert.equal((await wallets[1]?.pay({ amount: 1, to: "openai" }))?.status, "rejected")
    await using bobs = await ReviewDesk.open({ ledger, reviewer: "ops", owner: "bob" })
    assert.equal(await bobs.decision(pending[0]?.id ?? ""), undefined)
    await bobs.unfreeze()
    await assert.rejects(ReviewDesk.open({ ledger, reviewer: "ops", owner: "eve" }), {
      code: "wallet_not_found",
    })
    await Promise.all(wallets.map((wallet) => wallet.close()))
    folder.remove()
  })

  test("makes no ledger, and refuses bad options with the field and the remedy", async () => {
    const bad: readonly [object, RegExp][] = [
      [{ ledger: "/nowhere/ledger.db", reviewer: "ops" }, /\/nowhere/],
      [{ ledger: "memory:" }, /reviewer is undefined/],
      [
        { ledger: "memory:", reviewer: "ops", privateKey: "secret" },
        /privateKey cannot be read.*openssl genpkey/,
      ],
      [{ ledger: "memory:", reviewer: "ops", allowSelfApproval: "yes" }, /allowSelfApproval is "yes"/],
      [{ ledger: "memory:", reviewer: "ops", role: "admin" }, /role is not a known name/],
    ]
    for (const [options, message] of bad) await assert.rejects(ReviewDesk.open(options as never), message)
    const { desk } = await testWallet(terms)
    await assert.rejects(desk.approve("dec_x"), { code: "decision_not_found" })
    await assert.rejects(desk.approve(7 as never), { code: "invalid_option" })
    await assert.rejects(desk.resetClock(""), /reason is ""/)
    await assert.rejects(desk.freeze({ mode: "stop" as never }), /mode is "stop"/)
  })
})
