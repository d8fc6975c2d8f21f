import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { commitAs, fresh, guide, reviewerAmends } from "../../test/fresh-wallet.ts"
import { reviewStep } from "../engine/review.ts"
import { memoryLedger } from "../ledger/memory.ts"
import { Wallet } from "./wallet.ts"

describe("a mandate", () => {
  test("keeps the terms that code leaves out and loses those that are null", async () => {
    const { wallet, ledger, clock } = await fresh({ maxTransaction: 30 })
    const names = async () => (await wallet.balance()).limits.map(({ limit }) => limit)
    await Wallet.create({ owner: guide.owner, ledger, clock })
    assert.deepEqual([await names(), (await wallet.balance()).mandate.version], [["70.00"], 1])
    await Wallet.create({ owner: guide.owner, ledger, clock, dailyLimit: 80, maxTransaction: null })
    assert.deepEqual([await names(), (await wallet.balance()).mandate.version], [["80.00"], 2])
    assert.equal(
      (await wallet.check({ amount: 31, to: "openai" })).reasons[0]?.code,
      "above_approval_threshold",
    )
  })

  test("takes the allow list under each of its names", async () => {
    for (const name of ["whitelist", "allowedCounterparties"]) {
      const { wallet } = await fresh({ [name]: ["OpenAI", "https://reports.example/"] })
      assert.equal((await wallet.pay({ amount: 1, to: "reports.example" })).status, "approved")
      assert.equal(
        (await wallet.pay({ amount: 1, to: "other" })).reasons[0]?.code,
        "counterparty_not_allowed",
      )
    }
  })

  test("with a raised limit keeps what was used", async () => {
    const { wallet, ledger, clock } = await fresh()
    await wallet.pay({ amount: 20, to: "openai" })
    await Wallet.create({ owner: guide.owner, ledger, clock, dailyLimit: 80 })
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
    const warning = new Promise<Error>((resolve) => {
      process.on("warning", (each) => each.name === "NornrWarning" && resolve(each))
    })
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

  test("is untouched by a create that is refused", async () => {
    const { wallet, ledger, clock } = await fresh()
    const before = await wallet.balance()
    for (const wrong of [
      { currency: "EUR", dailyLimit: 9000 },
      { dailyLimit: { amount: 9000, currency: "EUR" } },
      { dailyLimit: 9000, limits: [{ amount: { amount: 1, currency: "JPY" } }] },
    ]) {
      await assert.rejects(Wallet.create({ owner: guide.owner, ledger, clock, ...wrong }), {
        code: "invalid_currency",
      })
      assert.deepEqual(await wallet.balance(), before)
    }
  })

  test("of a wallet in another currency is amended in that currency, named or not", async () => {
    const ledger = memoryLedger()
    const euros = { owner: "e", ledger }
    await Wallet.create({ ...euros, dailyLimit: { amount: 5, currency: "EUR" } })
    await Wallet.create({ ...euros, dailyLimit: { amount: 6, currency: "EUR" } })
    const wallet = await Wallet.create({ ...euros, dailyLimit: 7 })
    assert.deepEqual(
      [(await wallet.balance()).currency, (await wallet.balance()).limits[0]?.limit],
      ["EUR", "7.00"],
    )
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
    await commitAs(ledger, clock, reviewStep({ id: queued.id, verdict: "approve", actor: { name: "ana" } }))
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

  test("cannot widen itself or become another's", async () => {
    const { wallet } = await fresh()
    const buyer = wallet.forAgent("buyer", { dailyLimit: 1 })
    for (const wider of [
      () => buyer.forAgent("buyer", { dailyLimit: null }),
      () => buyer.forAgent("other"),
    ]) {
      assert.throws(wider, { code: "invalid_option" })
    }
    assert.equal((await buyer.forAgent("buyer").pay({ amount: 2, to: "openai" })).status, "rejected")
  })

  test("is limited from the moment it is made, through whichever wallet object asks", async () => {
    const { wallet } = await fresh()
    wallet.forAgent("buyer", { dailyLimit: 3 })
    assert.equal((await wallet.pay({ amount: 5, to: "openai", run: { agent: "buyer" } })).status, "rejected")
  })

  test("has its terms set before anything is asked for it, or nothing is asked", async () => {
    const { wallet } = await fresh()
    await wallet.forAgent("buyer", { dailyLimit: 3, version: 2 }).balance()
    const buyer = wallet.forAgent("buyer", { dailyLimit: 1, version: 2 })
    const intent = { amount: 2, to: "openai", run: { agent: "buyer" } }
    await assert.rejects(wallet.pay(intent), { code: "mandate_conflict" })
    await assert.rejects(buyer.pay({ amount: 2, to: "openai" }), { code: "mandate_conflict" })
    await assert.rejects(wallet.close(), { code: "mandate_conflict" })
  })

  test("ends its own decisions and no other agent's", async () => {
    const { wallet } = await fresh()
    const [buyer, other] = [wallet.forAgent("buyer"), wallet.forAgent("other")]
    const decision = await buyer.pay({ amount: 2, to: "openai" })
    for (const end of [other.settle(decision, 0), other.release(decision), other.cancel(decision)]) {
      await assert.rejects(end, { code: "decision_not_found" })
    }
    assert.equal((await buyer.settle(decision)).execution.settled, "2.00")
    const second = await buyer.pay({ amount: 2, to: "openai" })
    assert.equal((await wallet.release(second)).execution.state, "released")
  })

  test("keeps its terms when the wallet is closed at once", async () => {
    const { wallet, ledger, clock } = await fresh()
    wallet.forAgent("buyer", { dailyLimit: 1 })
    await wallet.close()
    const again = await Wallet.connect({ owner: guide.owner, ledger, clock })
    assert.equal((await again.pay({ amount: 2, to: "openai", run: { agent: "buyer " } })).status, "rejected")
  })

  test("gets no terms that count another agent", async () => {
    const { wallet } = await fresh()
    const limits = [{ amount: 1, where: { agent: "other" } }]
    assert.throws(() => wallet.forAgent("buyer", { limits }), { code: "invalid_mandate" })
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
