import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { commitAs, fresh, guide, reviewerAmends } from "../../test/fresh-wallet.ts"
import { reviewStep } from "../engine/review.ts"
import { memoryLedger } from "../ledger/memory.ts"
import { Wallet } from "./wallet.ts"

async function types(wallet: Wallet): Promise<readonly string[]> {
  const seen: string[] = []
  for await (const { type } of wallet.trail()) seen.push(type)
  return seen
}

describe("pay", () => {
  test("answers as the guides say", async () => {
    const { wallet } = await fresh()
    const decision = await wallet.pay({ amount: 16, to: "openai", purpose: "tool execution" })
    assert.equal(decision.status, "approved")
    assert.equal(decision.requiresApproval, false)
    assert.deepEqual(decision.reasons, [])
    assert.deepEqual(decision.execution, { state: "idle" })
    assert.equal(decision.receipt.seq, 2)

    const queued = await wallet.pay({ amount: 34, to: "openai", purpose: "tool execution" })
    assert(queued.status === "queued")
    assert.equal(queued.requiresApproval, true)
    assert.equal(queued.approval.state, "pending")
    assert.equal(queued.approval.expiresAt, "2026-11-23T10:00:00.000Z")

    const rejected = await wallet.pay({ amount: 21, to: "openai" })
    assert.equal(rejected.status, "rejected")
    assert.equal(
      rejected.message,
      "Rejected. Daily limit 70.00 USD: 50.00 used or held, 21.00 requested, 20.00 left until 00:00 UTC.",
    )
  })

  test("gives plain JSON that survives being written down", async () => {
    const { wallet } = await fresh()
    const run = { thread: "t1", agent: "buyer", call: "c1" }
    const decision = await wallet.pay({
      amount: 30,
      to: "openai",
      tags: { team: "growth" },
      tool: "search",
      args: { q: "x" },
      run,
    })
    assert.deepEqual(JSON.parse(JSON.stringify(decision)), decision)
    assert.deepEqual(decision.run, { ...run, tool: "search" })
    assert.equal(decision.purpose, "search")
  })

  test("without a key is a new spend each time", async () => {
    const { wallet } = await fresh()
    const intent = { amount: 1, to: "openai" }
    assert.notEqual((await wallet.pay(intent)).id, (await wallet.pay(intent)).id)
  })

  test("with a key repeats its decision, as it is now", async () => {
    const { wallet } = await fresh()
    const intent = { amount: 1, to: "openai", idempotencyKey: "k" }
    const first = await wallet.pay(intent)
    const { replayed, ...second } = await wallet.pay(intent)
    assert.equal(replayed, true)
    assert.deepEqual(second, first)
    await wallet.settle(first)
    assert.equal((await wallet.pay(intent)).execution.state, "settled")
    for (const other of [{ amount: 2 }, { to: "other" }, { purpose: "other" }, { args: {} }, { tool: "x" }]) {
      await assert.rejects(wallet.pay({ ...intent, ...other }), { code: "key_conflict" })
    }
  })

  test("with the key of a released spend asks anew", async () => {
    const { wallet } = await fresh()
    const intent = { amount: 1, to: "openai", idempotencyKey: "k" }
    const first = await wallet.pay(intent)
    await wallet.release(first)
    const second = await wallet.pay(intent)
    assert.notEqual(second.id, first.id)
    assert.equal(second.replayed, undefined)
    assert.equal((await wallet.decision("k"))?.id, second.id)
    assert.equal((await wallet.decision(first.id))?.idempotencyKey, undefined)
    assert((await wallet.verify()).ok)
  })

  test("with the key of a canceled spend repeats the refusal", async () => {
    const { wallet } = await fresh()
    const intent = { amount: 1, to: "openai", idempotencyKey: "k" }
    await wallet.cancel(await wallet.pay(intent))
    const again = await wallet.pay(intent)
    assert.deepEqual([again.status, again.reasons[0]?.code, again.replayed], ["rejected", "canceled", true])
  })
})

describe("check", () => {
  test("gives the verdict of pay and leaves no trace", async () => {
    const { wallet } = await fresh()
    const preview = await wallet.check({ amount: 34, to: "OpenAI " })
    assert.deepEqual([preview.status, preview.requiresApproval, preview.to], ["queued", true, "openai"])
    for (const name of ["id", "receipt", "approval", "execution"]) assert(!(name in preview), name)
    assert.deepEqual(await types(wallet), ["wallet.created"])
  })
})

describe("check with a key", () => {
  test("tells what a repeat would get", async () => {
    const { wallet, clock } = await fresh()
    const intent = { amount: 40, to: "openai", idempotencyKey: "k" }
    await wallet.cancel(await wallet.pay(intent))
    assert.equal((await wallet.check(intent)).reasons[0]?.code, "canceled")
    await assert.rejects(wallet.check({ ...intent, amount: 41 }), {
      code: "key_conflict",
      message: /other amount\./,
    })
    clock.advance(-600_000)
    await assert.rejects(wallet.check({ amount: 1, to: "openai" }), { code: "clock_behind" })
  })
})

describe("settle and release", () => {
  test("below the hold frees the rest, above it counts in full, with an overage", async () => {
    const { wallet } = await fresh()
    const settled = await wallet.settle(await wallet.pay({ amount: 16, to: "openai" }), 14.2)
    assert.deepEqual(settled.execution, {
      state: "settled",
      settled: "14.20",
      endedAt: "2026-11-22T10:00:00.000Z",
    })
    await wallet.settle((await wallet.pay({ amount: 10, to: "openai" })).id, "60.50")
    assert.deepEqual(
      (await wallet.balance()).limits.map(({ held, settled: spent, remaining }) => [held, spent, remaining]),
      [["0.00", "74.70", "0.00"]],
    )
    assert.deepEqual((await types(wallet)).slice(-2), ["spend.settled", "spend.overage"])
    assert.equal((await wallet.pay({ amount: 0.01, to: "openai" })).status, "rejected")
    assert((await wallet.verify()).ok)
  })

  test("end a spend once: the same again is a repeat, anything else a conflict", async () => {
    const { wallet } = await fresh()
    const spend = await wallet.pay({ amount: 5, to: "openai" })
    await wallet.settle(spend, 4)
    assert.equal((await wallet.settle(spend, "4.00")).replayed, true)
    await assert.rejects(wallet.settle(spend, 5), { code: "state_conflict" })
    await assert.rejects(wallet.release(spend), { code: "state_conflict" })
    await assert.rejects(wallet.cancel(spend), { code: "state_conflict" })
    const other = await wallet.pay({ amount: 5, to: "openai" })
    await wallet.release(other)
    assert.equal((await wallet.release(other)).replayed, true)
    await assert.rejects(wallet.settle(other), { code: "state_conflict" })
  })

  test("are not for what nobody approved", async () => {
    const { wallet } = await fresh()
    const queued = await wallet.pay({ amount: 30, to: "openai" })
    await assert.rejects(wallet.settle(queued), { code: "state_conflict" })
    await assert.rejects(wallet.release(queued), { code: "state_conflict" })
    await assert.rejects(wallet.settle(queued), {
      message: /waits for a reviewer, so that it cannot be settled/,
    })
    await wallet.cancel(queued)
    assert.equal((await wallet.cancel(queued)).replayed, true)
    await assert.rejects(wallet.settle("dec_unknown"), { code: "decision_not_found" })
  })

  test("change the window of the ask, not today's", async () => {
    const { wallet, clock } = await fresh()
    const yesterday = await wallet.pay({ amount: 20, to: "openai" })
    clock.advance(24 * 3_600_000)
    await wallet.settle(yesterday, 25)
    assert.equal((await wallet.balance()).limits[0]?.remaining, "70.00")
    assert((await wallet.verify()).ok)
  })
})

describe("a queued decision", () => {
  test("holds its amount, so that an approval can be honoured", async () => {
    const { wallet, ledger, clock } = await fresh()
    const queued = await wallet.pay({ amount: 50, to: "openai" })
    assert.equal((await wallet.pay({ amount: 25, to: "openai" })).status, "rejected")
    await commitAs(ledger, clock, reviewStep({ id: queued.id, verdict: "approve", actor: { name: "ana" } }))
    const approved = await wallet.decision(queued.id)
    assert.deepEqual([approved?.status, approved?.approval?.by], ["approved", "ana"])
    assert.equal((await wallet.settle(queued, 50)).execution.state, "settled")
  })

  test("is freed by a rejection, a cancellation and its expiry", async () => {
    const { wallet, ledger, clock } = await fresh({ approvalTtl: "1h" })
    const [one, two, three] = [
      await wallet.pay({ amount: 26, to: "openai" }),
      await wallet.pay({ amount: 26, to: "openai" }),
      await wallet.pay({ amount: 26, to: "openai", idempotencyKey: "late" }),
    ]
    assert.equal(three.status, "rejected")
    await commitAs(ledger, clock, reviewStep({ id: one.id, verdict: "reject", actor: { name: "ana" } }))
    const canceled = await wallet.cancel(two)
    assert.deepEqual([canceled.status, canceled.approval?.state], ["rejected", "canceled"])
    const last = await wallet.pay({ amount: 70, to: "openai" })
    assert.equal(last.status, "queued")
    clock.advance(3_600_000)
    const expired = await wallet.decision(last.id)
    assert.deepEqual([expired?.status, expired?.reasons[0]?.code], ["rejected", "approval_expired"])
    await assert.rejects(
      commitAs(ledger, clock, reviewStep({ id: last.id, verdict: "approve", actor: { name: "ana" } })),
      { code: "state_conflict" },
    )
    assert.equal((await wallet.balance()).limits[0]?.held, "0.00")
    assert((await wallet.verify()).ok)
  })

  test("cannot be approved against what changed since, and stays pending", async () => {
    const { wallet, ledger, clock } = await fresh()
    const queued = await wallet.pay({ amount: 30, to: "openai" })
    await commitAs(ledger, clock, reviewerAmends({ counterparties: { deny: ["openai"] } }))
    const approve = reviewStep({ id: queued.id, verdict: "approve", actor: { name: "ana" } })
    await assert.rejects(commitAs(ledger, clock, approve), { code: "state_conflict" })
    assert.equal((await wallet.decision(queued.id))?.status, "queued")
  })
})

describe("the clock", () => {
  test("stands still for a wallet when it steps back, and refuses after five minutes", async () => {
    const { wallet, clock } = await fresh()
    await wallet.pay({ amount: 1, to: "openai" })
    clock.advance(-5 * 60_000)
    assert.equal((await wallet.pay({ amount: 1, to: "openai" })).at, "2026-11-22T10:00:00.000Z")
    clock.advance(-1)
    await assert.rejects(wallet.pay({ amount: 1, to: "openai" }), { code: "clock_behind" })
    clock.advance(1)
    assert.equal((await wallet.pay({ amount: 1, to: "openai" })).status, "approved")
  })

  test("opens a new day at midnight and not before", async () => {
    const { wallet, clock } = await fresh({ requireApprovalAbove: null })
    await wallet.pay({ amount: 70, to: "openai" })
    clock.advance(14 * 3_600_000 - 1)
    assert.equal((await wallet.pay({ amount: 1, to: "openai" })).status, "rejected")
    clock.advance(1)
    assert.equal((await wallet.pay({ amount: 70, to: "openai" })).status, "approved")
  })
})

describe("a wallet object", () => {
  test("connects only to a wallet that exists", async () => {
    const ledger = memoryLedger()
    await assert.rejects(Wallet.connect({ owner: "nobody", ledger }), { code: "wallet_not_found" })
    assert.deepEqual(await ledger.wallets(), [])
  })

  test("has none of the reviewer's calls", async () => {
    const { wallet } = await fresh()
    for (const name of ["approve", "reject", "freeze", "amend", "revoke"]) assert(!(name in wallet), name)
  })

  test("throws once it is closed, and closes by itself at the end of a block", async () => {
    const { wallet } = await fresh()
    {
      await using inner = wallet
      await inner.balance()
    }
    await assert.rejects(wallet.pay({ amount: 1, to: "openai" }), { code: "wallet_closed" })
    await wallet.close()
  })

  test("closes those of its agents with it", async () => {
    const { wallet } = await fresh()
    const buyer = wallet.forAgent("buyer")
    await wallet.close()
    await assert.rejects(buyer.pay({ amount: 1, to: "openai" }), { code: "wallet_closed" })
    assert.throws(() => wallet.forAgent("late"), { code: "wallet_closed" })
  })

  test("shares memory: with the others of the process for as long as one is open", async () => {
    const one = await Wallet.create({ ...guide, ledger: "memory:" })
    const two = await Wallet.connect({ owner: guide.owner, ledger: "memory:" })
    const { id } = await one.pay({ amount: 1, to: "openai" })
    assert.equal((await two.decision(id))?.id, id)
    await one.close()
    assert.equal((await two.decision(id))?.id, id)
    await two.close()
    await assert.rejects(Wallet.connect({ owner: guide.owner, ledger: "memory:" }), {
      code: "wallet_not_found",
    })
  })
})
