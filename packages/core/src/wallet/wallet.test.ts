import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { amendStep } from "../engine/amend.ts"
import { createEngine } from "../engine/engine.ts"
import { reviewStep } from "../engine/review.ts"
import type { Ledger, Step } from "../ledger/ledger.ts"
import { memoryLedger } from "../ledger/memory.ts"
import { mandateTermNames, parseTerms } from "../mandate/parse-terms.ts"
import type { MandateTerms } from "../mandate/terms.ts"
import type { Clock } from "../time/clock.ts"
import type { CreateOptions } from "./options.ts"
import { Wallet } from "./wallet.ts"

const guide = { owner: "autogen-operator", dailyLimit: 70, requireApprovalAbove: 25 } as const

/** A clock that a test moves. */
function testClock(at = "2026-11-22T10:00:00Z"): Clock & { advance(ms: number): void } {
  let now = Date.parse(at)
  return {
    now: () => new Date(now),
    advance(ms) {
      now += ms
    },
  }
}

async function fresh(options: Partial<CreateOptions> = {}) {
  const ledger = memoryLedger()
  const clock = testClock()
  return { ledger, clock, wallet: await Wallet.create({ ...guide, ledger, clock, ...options }) }
}

/** What a reviewer does; the review desk has no face yet. */
function commitAs<R>(ledger: Ledger, clock: Clock, step: Step<R>): Promise<R> {
  return createEngine({ ledger, clock: () => clock.now().getTime() }).commit(guide.owner, step)
}

function reviewerAmends(terms: MandateTerms, agent?: string) {
  const parsed = parseTerms(terms, mandateTermNames, "USD")
  return amendStep({ wallet: guide.owner, agent, terms: parsed, reviewer: "ana", codeVersion: 0 })
}

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
    await commitAs(ledger, clock, reviewStep({ id: queued.id, verdict: "approve", reviewer: "ana" }))
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
    await commitAs(ledger, clock, reviewStep({ id: one.id, verdict: "reject", reviewer: "ana" }))
    const canceled = await wallet.cancel(two)
    assert.deepEqual([canceled.status, canceled.approval?.state], ["rejected", "canceled"])
    const last = await wallet.pay({ amount: 70, to: "openai" })
    assert.equal(last.status, "queued")
    clock.advance(3_600_000)
    const expired = await wallet.decision(last.id)
    assert.deepEqual([expired?.status, expired?.reasons[0]?.code], ["rejected", "approval_expired"])
    await assert.rejects(
      commitAs(ledger, clock, reviewStep({ id: last.id, verdict: "approve", reviewer: "ana" })),
      { code: "state_conflict" },
    )
    assert.equal((await wallet.balance()).limits[0]?.held, "0.00")
    assert((await wallet.verify()).ok)
  })

  test("cannot be approved against what changed since, and stays pending", async () => {
    const { wallet, ledger, clock } = await fresh()
    const queued = await wallet.pay({ amount: 30, to: "openai" })
    await commitAs(ledger, clock, reviewerAmends({ counterparties: { deny: ["openai"] } }))
    const approve = reviewStep({ id: queued.id, verdict: "approve", reviewer: "ana" })
    await assert.rejects(commitAs(ledger, clock, approve), { code: "state_conflict" })
    assert.equal((await wallet.decision(queued.id))?.status, "queued")
  })
})

describe("a mandate", () => {
  test("keeps the terms that code leaves out and loses those that are null", async () => {
    const { wallet, ledger } = await fresh({ maxTransaction: 30 })
    const names = async () => (await wallet.balance()).limits.map(({ limit }) => limit)
    await Wallet.create({ owner: guide.owner, ledger })
    assert.deepEqual([await names(), (await wallet.balance()).mandate.version], [["70.00"], 1])
    await Wallet.create({ owner: guide.owner, ledger, dailyLimit: 80, maxTransaction: null })
    assert.deepEqual([await names(), (await wallet.balance()).mandate.version], [["80.00"], 2])
    assert.equal(
      (await wallet.check({ amount: 31, to: "openai" })).reasons[0]?.code,
      "above_approval_threshold",
    )
  })

  test("with a raised limit keeps what was used", async () => {
    const { wallet, ledger } = await fresh()
    await wallet.pay({ amount: 20, to: "openai" })
    await Wallet.create({ owner: guide.owner, ledger, dailyLimit: 80 })
    assert.equal((await wallet.balance()).limits[0]?.remaining, "60.00")
  })

  test("needs a limit, at first and for ever", async () => {
    const ledger = memoryLedger()
    const bare = { owner: guide.owner, ledger, requireApprovalAbove: 5, maxTransaction: 9 }
    await assert.rejects(Wallet.create(bare), { code: "no_limit" })
    assert.deepEqual(await ledger.wallets(), [])
    await Wallet.create({ ...bare, dailyLimit: 9 })
    await assert.rejects(Wallet.create({ ...bare, dailyLimit: null }), { code: "no_limit" })
  })

  test("of a reviewer stands over code's, with a warning that says who and when", async () => {
    const { wallet, ledger, clock } = await fresh()
    await commitAs(ledger, clock, reviewerAmends({ dailyLimit: 20 }))
    const warning = new Promise<Error>((resolve) => process.once("warning", resolve))
    await Wallet.create({ ...guide, ledger, clock, dailyLimit: 90 })
    assert.match(
      (await warning).message,
      /ignored: ana set its mandate \(version 2\) at 2026-11-22T10:00:00.000Z/,
    )
    assert.equal((await wallet.balance()).limits[0]?.limit, "20.00")
  })

  test("with a version ignores terms of a lower one and refuses other terms of the same", async () => {
    const { wallet, ledger } = await fresh({ version: 2 })
    const limit = async () => (await wallet.balance()).limits[0]?.limit
    await Wallet.create({ ...guide, ledger, dailyLimit: 5, version: 1 })
    await Wallet.create({ ...guide, ledger, dailyLimit: 5 })
    assert.equal(await limit(), "70.00")
    await Wallet.create({ ...guide, ledger, version: 2 })
    await assert.rejects(Wallet.create({ ...guide, ledger, dailyLimit: 5, version: 2 }), {
      code: "mandate_conflict",
    })
    await Wallet.create({ ...guide, ledger, dailyLimit: 5, version: 3 })
    assert.equal(await limit(), "5.00")
  })

  test("has one currency, for good", async () => {
    const { ledger } = await fresh()
    await assert.rejects(Wallet.create({ ...guide, ledger, currency: "EUR" }), { code: "invalid_currency" })
    const euros = await Wallet.create({
      owner: "e",
      dailyLimit: { amount: 5, currency: "EUR" },
      currency: "EUR",
      ledger,
    })
    const { status, reasons } = await euros.pay({ amount: { amount: 1, currency: "USD" }, to: "openai" })
    assert.deepEqual([status, reasons[0]?.code], ["rejected", "currency_mismatch"])
  })

  test("in another time zone counts the same spends in other days", async () => {
    const { wallet, ledger, clock } = await fresh()
    clock.advance(10 * 3_600_000)
    await wallet.pay({ amount: 20, to: "openai" })
    await Wallet.create({ owner: guide.owner, ledger, clock, timeZone: "Asia/Tokyo" })
    assert.deepEqual(
      (await wallet.balance()).limits.map(({ held, resetsAt }) => [held, resetsAt]),
      [["20.00", "2026-11-23T15:00:00.000Z"]],
    )
    assert((await wallet.verify()).ok)
  })

  test("that knows a counterparty lets a rule tell first spends from later ones", async () => {
    const when = "!facts.counterparty.seen"
    const { wallet, ledger, clock } = await fresh({ rules: [{ name: "first-seen", when, then: "queue" }] })
    const queued = await wallet.pay({ amount: 1, to: "openai" })
    assert.equal(queued.reasons[0]?.message, 'Rule "first-seen" applies.')
    await commitAs(ledger, clock, reviewStep({ id: queued.id, verdict: "approve", reviewer: "ana" }))
    assert.equal((await wallet.pay({ amount: 1, to: "openai" })).status, "queued")
    await wallet.settle(queued)
    assert.equal((await wallet.pay({ amount: 1, to: "openai" })).status, "approved")
  })
})

describe("an agent's wallet", () => {
  test("has limits of its own on top of the wallet's and its name on every decision", async () => {
    const { wallet } = await fresh()
    const researcher = wallet.forAgent("researcher", { dailyLimit: 10, limits: [{ count: 2 }] })
    const decision = await researcher.pay({ amount: 8, to: "openai" })
    assert.deepEqual([decision.run.agent, decision.mandate.agentVersion], ["researcher", 1])
    const over = await researcher.pay({ amount: 3, to: "openai" })
    assert.match(over.message, /Daily limit 10.00 USD of agent researcher: 8.00 used or held/)
    assert.equal((await wallet.pay({ amount: 3, to: "openai" })).status, "approved")
    const shown = (await researcher.balance()).limits.map(({ agent, limit, held }) => [agent, limit, held])
    assert.deepEqual(shown, [
      [undefined, "70.00", "11.00"],
      ["researcher", "10.00", "8.00"],
      ["researcher", "2", "1"],
    ])
    assert((await wallet.verify()).ok)
  })

  test("counts what a run says the agent spent, too", async () => {
    const { wallet } = await fresh()
    await wallet.forAgent("buyer", { dailyLimit: 5 }).balance()
    const intent = { amount: 4, to: "openai", run: { agent: "buyer" } }
    assert.equal((await wallet.pay(intent)).status, "approved")
    assert.equal((await wallet.pay(intent)).status, "rejected")
    await assert.rejects(wallet.forAgent("other").pay(intent), { code: "invalid_intent" })
  })

  test("gets no terms from a connected wallet", async () => {
    const { ledger } = await fresh()
    const connected = await Wallet.connect({ owner: guide.owner, ledger })
    assert.equal((await connected.forAgent("buyer").pay({ amount: 1, to: "openai" })).run.agent, "buyer")
    assert.throws(() => connected.forAgent("buyer", { dailyLimit: 1 }), { code: "invalid_option" })
  })

  test("reads the part of the trail that is its own", async () => {
    const { wallet, clock } = await fresh()
    const buyer = wallet.forAgent("buyer")
    const spend = await buyer.pay({ amount: 1, to: "openai", run: { thread: "t1" } })
    await wallet.pay({ amount: 1, to: "openai", run: { thread: "t2" } })
    clock.advance(60_000)
    await wallet.settle(spend)
    const collect = async (events: AsyncIterable<{ readonly type: string }>) => {
      const seen: string[] = []
      for await (const { type } of events) seen.push(type)
      return seen
    }
    assert.deepEqual(await collect(buyer.trail()), ["decision.made", "spend.settled"])
    assert.deepEqual(await collect(wallet.trail({ thread: "t1" })), ["decision.made", "spend.settled"])
    assert.deepEqual(await collect(wallet.trail({ thread: "t2" })), ["decision.made"])
    assert.deepEqual(await collect(wallet.trail({ since: "2026-11-22T10:00:30Z" })), ["spend.settled"])
    assert.deepEqual(await collect(wallet.trail({ thread: "t1", since: new Date("2026-11-22T10:00:30Z") })), [
      "spend.settled",
    ])
    assert.deepEqual(await collect(wallet.trail({ since: "2027-01-01T00:00:00Z" })), [])
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
