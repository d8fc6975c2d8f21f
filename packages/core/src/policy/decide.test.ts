import assert from "node:assert/strict"
import fc from "fast-check"
import { describe, test } from "vitest"
import { parseIntent } from "../intent/intent.ts"
import { amendBody, compileMandate, type Mandate, sealMandate } from "../mandate/mandate.ts"
import { mandateTermNames, parseTerms } from "../mandate/parse-terms.ts"
import type { MandateTerms } from "../mandate/terms.ts"
import { countersOf } from "../spend/counters.ts"
import { decide, type PolicyFacts, type Verdict } from "./decide.ts"

const at = Date.parse("2026-11-22T20:00:00Z")

function mandate(terms: MandateTerms, agent?: string): Mandate {
  const body = amendBody(undefined, parseTerms(terms, mandateTermNames, "USD"), "USD")
  const scope = agent === undefined ? undefined : { name: agent, timeZone: "UTC" }
  return compileMandate(sealMandate(body).body, scope)
}

interface Moment extends Partial<Omit<PolicyFacts, "use">> {
  /** Used of every limit, in its unit. */
  readonly used?: bigint
  readonly agentTerms?: MandateTerms
}

function verdict(
  terms: MandateTerms,
  intent: object,
  { used = 0n, agentTerms, ...moment }: Moment = {},
): Verdict {
  const agent = agentTerms && mandate(agentTerms, "researcher")
  const parsed = parseIntent({ amount: 1, to: "openai", ...intent }, "USD", undefined)
  const facts = { at, control: undefined, agentControl: undefined, pending: 0, seen: false, ...moment }
  return decide(
    { wallet: mandate(terms), agent },
    { ...facts, use: () => ({ held: 0n, settled: used }) },
    parsed,
  )
}

const codes = ({ status, reasons }: Verdict) => [status, ...reasons.map(({ code }) => code)]

describe("a verdict", () => {
  test("approves what is within everything, limits and thresholds included", () => {
    const terms = { dailyLimit: 50, requireApprovalAbove: 20, maxTransaction: 20 }
    assert.deepEqual(codes(verdict(terms, { amount: 20 }, { used: 30_000_000n })), ["approved"])
    assert.deepEqual(codes(verdict(terms, { amount: "20.000001" }))[0], "rejected")
  })

  test("says what is left of a daily limit and until when", () => {
    const { reasons } = verdict({ dailyLimit: 50 }, { amount: 12.5 }, { used: 46_000_000n })
    assert.deepEqual(reasons, [
      {
        code: "daily_limit_exceeded",
        message: "Daily limit 50.00 USD: 46.00 used or held, 12.50 requested, 4.00 left until 00:00 UTC.",
        limit: "dailyLimit",
        used: "46.00",
        requested: "12.50",
        remaining: "4.00",
        resetsAt: "2026-11-23T00:00:00.000Z",
      },
    ])
  })

  test("names the limit, its group and its reset in words", () => {
    const used = { used: 20_000_000n }
    const text = (limit: object, intent: object = {}, moment: Moment = used) =>
      verdict({ dailyLimit: 1000, limits: [limit as never] }, intent, moment).reasons[0]?.message
    assert.equal(
      text({ amount: 20, per: "month", by: "counterparty" }),
      'Limit "20.00 USD per month by counterparty" for counterparty openai: 20.00 used or held, 1.00 requested, 0.00 left until 2026-12-01 00:00 UTC.',
    )
    assert.equal(
      text({ count: 3, per: "hour", name: "pace" }, {}, { used: 3n }),
      'Limit "pace" 3: 3 used or held, 1 requested, 0 left until 21:00 UTC.',
    )
    assert.equal(
      text({ count: 1, name: "tier 1" }, {}, { used: 1n }),
      'Limit "tier 1" 1: 1 used or held, 1 requested, 0 left.',
    )
    assert.equal(
      text({ amount: 20, by: "run" }),
      'Limit "20.00 USD by run" for run (none given): 20.00 used or held, 1.00 requested, 0.00 left.',
    )
    assert.equal(
      text(
        { amount: 20, per: "week", over: "queue", where: { tags: { team: "growth" } } },
        { tags: { team: "growth" } },
      ),
      'Limit "20.00 USD per week where tag team growth": 20.00 used or held, 1.00 requested, 0.00 left until 00:00 UTC. A person may approve more.',
    )
  })

  test("collects every reason, those of the verdict first, in the order of the checks", () => {
    const terms: MandateTerms = {
      dailyLimit: 10,
      requireApprovalAbove: 5,
      maxTransaction: 15,
      counterparties: { allow: ["reports.example"], deny: ["openai"] },
      expiresAt: "2026-01-01T00:00:00Z",
      limits: [{ count: 0, over: "queue" }],
      rules: [
        { name: "big", when: "intent.amount > 15.0", then: "reject" },
        { name: "tool", when: 'intent.tool == ""', then: "queue" },
      ],
    }
    assert.deepEqual(codes(verdict(terms, { amount: 16 }, { control: "freeze", agentControl: "revoked" })), [
      "rejected",
      ...["frozen", "agent_revoked", "mandate_expired", "counterparty_denied", "counterparty_not_allowed"],
      ...["max_transaction_exceeded", "daily_limit_exceeded", "rule"],
      ...["limit_exceeded", "rule", "above_approval_threshold"],
    ])
  })

  test("queues over a soft limit and rejects over a hard one", () => {
    const limits = [{ amount: 5, over: "queue" } as const, { amount: 10 }]
    assert.deepEqual(codes(verdict({ limits }, { amount: 5 })), ["approved"])
    assert.deepEqual(codes(verdict({ limits }, { amount: 6 })), ["queued", "limit_exceeded"])
    assert.deepEqual(codes(verdict({ limits }, { amount: 11 })), [
      "rejected",
      "limit_exceeded",
      "limit_exceeded",
    ])
  })

  test("rejects what would wait where too many wait already", () => {
    const terms = { dailyLimit: 100, requireApprovalAbove: 1, maxPending: 2 }
    assert.deepEqual(codes(verdict(terms, { amount: 2 }, { pending: 1 })), [
      "queued",
      "above_approval_threshold",
    ])
    assert.deepEqual(codes(verdict(terms, { amount: 2 }, { pending: 2 })), [
      "rejected",
      "too_many_pending",
      "above_approval_threshold",
    ])
  })

  test("queues everything under review", () => {
    assert.deepEqual(codes(verdict({ dailyLimit: 9 }, {}, { control: "review_only" })), [
      "queued",
      "review_only",
    ])
  })

  test("never converts a currency and compares no amounts across two", () => {
    const intent = { amount: { amount: 1000, currency: "EUR" } }
    assert.deepEqual(codes(verdict({ dailyLimit: 1, requireApprovalAbove: 0 }, intent)), [
      "rejected",
      "currency_mismatch",
    ])
  })

  test("counts an agent in its own limits and in the wallet's", () => {
    const run = { run: { agent: "researcher" } }
    const agentTerms = { dailyLimit: 10, requireApprovalAbove: 2, counterparties: { deny: ["openai"] } }
    const used = { used: 9_500_000n, agentTerms }
    const { reasons } = verdict({ dailyLimit: 10 }, run, used)
    assert.deepEqual(
      reasons.map(({ message }) => message),
      [
        "openai is on the deny list.",
        "Daily limit 10.00 USD: 9.50 used or held, 1.00 requested, 0.50 left until 00:00 UTC.",
        "Daily limit 10.00 USD of agent researcher: 9.50 used or held, 1.00 requested, 0.50 left until 00:00 UTC.",
      ],
    )
  })

  test("ends a mandate at its last instant", () => {
    const terms = { dailyLimit: 9, expiresAt: "2026-11-22T20:00:00Z" }
    assert.deepEqual(codes(verdict(terms, {})), ["rejected", "mandate_expired"])
    assert.deepEqual(codes(verdict(terms, {}, { at: at - 1 })), ["approved"])
  })

  test("can only be tightened by terms: what more terms approve, fewer approve too", () => {
    const amount = fc.integer({ min: 0, max: 100 })
    const money = fc.option(amount, { nil: null })
    const terms = fc.record({ requireApprovalAbove: money, maxTransaction: money })
    const rank = { approved: 0, queued: 1, rejected: 2 }
    fc.assert(
      fc.property(amount, amount, terms, (cost, dailyLimit, more) => {
        const few = verdict({ dailyLimit }, { amount: cost })
        const many = verdict({ dailyLimit, ...more }, { amount: cost })
        assert(rank[many.status] >= rank[few.status])
      }),
    )
  })

  test("admits no amount over what is left of a hard limit, whatever is used", () => {
    const micros = fc.bigInt({ min: 0n, max: 200_000_000n })
    fc.assert(
      fc.property(
        micros,
        fc.integer({ min: 0, max: 20_000 }),
        fc.integer({ min: 0, max: 200 }),
        (used, cents, limit) => {
          const { status } = verdict({ dailyLimit: limit }, { amount: cents / 100 }, { used })
          const fits = used + BigInt(cents) * 10_000n <= BigInt(limit) * 1_000_000n
          assert.equal(status === "approved", fits)
        },
      ),
    )
  })
})

describe("counters", () => {
  const dimensions = {
    to: "openai",
    tags: { customer: "a" },
    run: { agent: "researcher", tool: "search", thread: "t1" },
  }
  const keys = (limit: object, spend: object = dimensions) =>
    countersOf({ wallet: mandate({ limits: [limit as never] }), agent: undefined }, spend as never, at).map(
      ({ key }) => key.split("\u001f").slice(1).join(" "),
    )

  test("are one for each value of what a limit groups by", () => {
    assert.deepEqual(keys({ amount: 1, by: "counterparty" }), [" =openai"])
    assert.deepEqual(keys({ amount: 1, per: "day", by: "agent" }), ["2026-11-22 =researcher"])
    assert.deepEqual(keys({ amount: 1, by: "tool" }), [" =search"])
    assert.deepEqual(keys({ amount: 1, by: "run" }), [" =t1"])
    assert.deepEqual(keys({ amount: 1, by: "tag:customer" }), [" =a"])
  })

  test("share one bucket for spends without the dimension, so that leaving it out is no escape", () => {
    const bare = { to: "openai", tags: {}, run: {} }
    for (const by of ["agent", "tool", "run", "tag:customer", "tag:__proto__"]) {
      assert.deepEqual(keys({ amount: 1, by }, bare), [" -"], by)
    }
  })

  test("exist only where the filter matches, in all its fields", () => {
    assert.equal(keys({ amount: 1, where: { to: "OPENAI", tool: "search" } }).length, 1)
    assert.equal(keys({ amount: 1, where: { to: "openai", tool: "order" } }).length, 0)
    assert.equal(keys({ amount: 1, where: { agent: "buyer" } }).length, 0)
    assert.equal(keys({ amount: 1, where: { tags: { customer: "a" } } }).length, 1)
    assert.equal(keys({ amount: 1, where: { tags: { constructor: "x" } } }).length, 0)
  })
})
