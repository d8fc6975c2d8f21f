import assert from "node:assert/strict"
import fc from "fast-check"
import { describe, test } from "vitest"
import { NornrError } from "../error/nornr-error.ts"
import { parseIntent } from "../intent/intent.ts"
import type { Facts, Ledger, Step } from "../ledger/ledger.ts"
import { memoryLedger } from "../ledger/memory.ts"
import type { CompiledLimit } from "../mandate/mandate.ts"
import { mandateTermNames, parseTerms } from "../mandate/parse-terms.ts"
import type { MandateTerms } from "../mandate/terms.ts"
import { isFinal, type SpendState, spendMoves } from "../spend/machine.ts"
import { type Spend, usageOf } from "../spend/spend.ts"
import { windowKey } from "../time/window.ts"
import { disclosure } from "../trail/digest.ts"
import { openEvent } from "../trail/event.ts"
import { newId } from "../trail/id.ts"
import { Replay, tablesOf } from "../trail/replay.ts"
import { verifyTrail } from "../trail/verify.ts"
import { amendStep, controlStep, limitsOf } from "./amend.ts"
import { type Answer, askStep } from "./ask.ts"
import { claimStep, type Ender, type Ending, endStep } from "./outcome.ts"
import { cancelStep, expireStep, reviewStep } from "./review.ts"

const wallet = "owner"
const minute = 60_000

/** What the tables hold at one instant. */
interface View {
  readonly spends: ReadonlyMap<string, Spend>
  readonly counters: Facts["countersUnder"] extends (prefix: string) => infer T ? T : never
  readonly limits: readonly CompiledLimit[]
  readonly pending: number
  readonly seq: number
}

/** A wallet on a real ledger, driven step by step under a clock that the test moves. */
class Subject {
  readonly ledger: Ledger = memoryLedger()
  now: number = Date.parse("2026-11-22T20:00:00Z")
  readonly ids: string[] = []
  /** Whether something on record may have left use above a limit. */
  excused = false

  async run<R>(step: Step<R>): Promise<R | NornrError> {
    const entries = [
      { wallet, step: expireStep() },
      { wallet, step },
    ]
    const [expired, answer] = await this.ledger.commit(entries, () => this.now)
    for (const each of [expired, answer]) {
      if (each?.ok === false && !NornrError.isInstance(each.error)) throw each.error
    }
    return (answer?.ok ? answer.value : answer?.error) as R | NornrError
  }

  async view(): Promise<View> {
    const step: Step<View> = {
      reads: () => ({ history: true, prefixes: [""] }),
      work: (facts) => ({
        result: {
          spends: new Map([...facts.history()].map((spend) => [spend.id, spend])),
          counters: facts.countersUnder(""),
          limits: [...limitsOf(facts.head).values()],
          pending: facts.head.wallet?.pending ?? 0,
          seq: facts.head.wallet?.seq ?? 0,
        },
      }),
    }
    const [answer] = await this.ledger.read([{ wallet, step }], () => this.now)
    assert(answer?.ok)
    return answer.value as View
  }
}

type Command = (subject: Subject) => Promise<void>

const person = fc.constantFrom("openai", "reports.example", "render.example")
const agent = fc.constantFrom(undefined, "researcher", "buyer")
const pick = fc.nat({ max: 30 })

const ask = fc
  .record({
    cents: fc.integer({ min: 0, max: 3000 }),
    to: person,
    tool: fc.constantFrom(undefined, "search", "order"),
    agent,
    thread: fc.constantFrom(undefined, "t1", "t2"),
    customer: fc.constantFrom(undefined, "a", "b"),
    key: fc.constantFrom(undefined, undefined, "k1", "k2"),
    governed: fc.boolean(),
  })
  .map(
    (each): Command =>
      async (subject) => {
        const run = Object.entries({ thread: each.thread, agent: each.agent }).filter(
          ([, value]) => value !== undefined,
        )
        const input = {
          amount: each.cents / 100,
          to: each.to,
          run: Object.fromEntries(run),
          ...(each.tool === undefined ? {} : { tool: each.tool }),
          ...(each.customer === undefined ? {} : { tags: { customer: each.customer } }),
          ...(each.key === undefined ? {} : { idempotencyKey: each.key }),
        }
        const intent = parseIntent(input, "USD", undefined)
        const answer = await subject.run<Answer>(
          askStep({
            intent,
            id: newId("dec", subject.now),
            approvalId: newId("apr", subject.now),
            texts: { purpose: disclosure(intent.purpose) },
            binding: JSON.stringify([each.cents, each.to]),
            governed: each.governed,
          }),
        )
        if (!NornrError.isInstance(answer) && !answer.replayed) subject.ids.push(answer.spend.id)
      },
  )

/** An action on one of the spends so far. */
function onSpend(
  act: (subject: Subject, id: string, spend: Spend) => Promise<unknown>,
): fc.Arbitrary<Command> {
  return pick.map(
    (index): Command =>
      async (subject) => {
        const id = subject.ids[index % Math.max(1, subject.ids.length)]
        if (id === undefined) return
        const spend = (await subject.view()).spends.get(id)
        assert(spend !== undefined)
        await act(subject, id, spend)
      },
  )
}

const review = fc
  .boolean()
  .chain((yes) =>
    onSpend((subject, id) =>
      subject.run(
        reviewStep({ id, verdict: yes ? "approve" : "reject", reviewer: "ana", comment: disclosure("fine") }),
      ),
    ),
  )

const ending: fc.Arbitrary<Ending> = fc.oneof(
  fc
    .integer({ min: 0, max: 4000 })
    .map((cents): Ending => ({ action: "settle", cost: BigInt(cents) * 10_000n })),
  fc.constantFrom<Ending>(
    { action: "settle" },
    { action: "release" },
    { action: "fail" },
    { action: "lose" },
  ),
)

const end = fc.tuple(ending, fc.constantFrom("caller", "desk", "claim", "late")).chain(([how, who]) =>
  onSpend(async (subject, id, spend) => {
    const fence = spend.fence ?? 0
    const enders: Record<string, Ender> = {
      caller: "caller",
      desk: "desk",
      claim: { fence },
      late: { fence: fence - 1 },
    }
    const by = enders[who] as Ender
    if (typeof by === "object" && spend.fence === undefined) return
    const above = how.action === "settle" && (how.cost ?? 0n) > spend.amount
    if (above || who === "late" || isFinal(spend.state)) subject.excused = true
    await subject.run(endStep(id, how, by))
  }),
)

const amendments: readonly MandateTerms[] = [
  { dailyLimit: 30 },
  { dailyLimit: 80 },
  { requireApprovalAbove: 5 },
  { requireApprovalAbove: null },
  { timeZone: "Asia/Kolkata" },
  { timeZone: null },
  { limits: [{ amount: 40, per: "week", by: "counterparty" }] },
  {
    limits: [
      { count: 5, per: "hour", by: "agent" },
      { amount: 25, by: "run" },
    ],
  },
  { limits: [{ amount: 20, per: "month", by: "tag:customer", where: { tool: "search" } }] },
  { limits: [{ amount: 10, per: "day", over: "queue" }] },
  { counterparties: { deny: ["render.example"] } },
  { counterparties: null },
  { expiresAt: "2026-11-23T12:00:00Z" },
  { expiresAt: null },
]

const amend = fc
  .record({ terms: fc.constantFrom(...amendments), agent, reviewer: fc.constantFrom(undefined, "ana") })
  .map(
    ({ terms, agent: of, reviewer }): Command =>
      async (subject) => {
        subject.excused = true
        const own = of !== undefined && !("timeZone" in terms)
        await subject.run(
          amendStep({
            wallet,
            agent: own ? of : undefined,
            terms: parseTerms(terms, mandateTermNames, "USD"),
            codeVersion: 0,
            ...(reviewer === undefined ? {} : { reviewer }),
          }),
        )
      },
  )

const control = fc
  .record({
    agent,
    set: fc.constantFrom(undefined, undefined, "freeze" as const, "review_only" as const, "revoked" as const),
  })
  .map(
    ({ agent: of, set }): Command =>
      async (subject) => {
        await subject.run(controlStep(of, of === undefined && set === "revoked" ? undefined : set, "ana"))
      },
  )

const step = fc
  .constantFrom(
    minute,
    20 * minute,
    61 * minute,
    25 * 60 * minute,
    -minute,
    -4 * minute,
    -30 * minute,
    30 * minute,
  )
  .map(
    (ms): Command =>
      async (subject) => {
        subject.now += ms
      },
  )

const command: fc.Arbitrary<Command> = fc.oneof(
  { arbitrary: ask, weight: 8 },
  { arbitrary: review, weight: 3 },
  { arbitrary: onSpend((subject, id) => subject.run(claimStep(id))), weight: 3 },
  { arbitrary: end, weight: 5 },
  { arbitrary: onSpend((subject, id) => subject.run(cancelStep(id))), weight: 1 },
  { arbitrary: onSpend((subject, id) => subject.run(cancelStep(id, { withdraw: true }))), weight: 1 },
  { arbitrary: amend, weight: 1 },
  { arbitrary: control, weight: 1 },
  { arbitrary: step, weight: 2 },
)

/** What a limit has counted, added up from the spends themselves. */
function naiveUse(limit: CompiledLimit, spends: Iterable<Spend>, like: Spend): bigint {
  let used = 0n
  for (const spend of spends) {
    if (groupOf(limit, spend) !== groupOf(limit, like)) continue
    const { held, settled } = usageOf(spend)[limit.unit]
    used += held + settled
  }
  return used
}

/** The budget a spend counts in, or undefined where the limit does not match it. */
function groupOf(limit: CompiledLimit, { to, run, tags, askedAt }: Spend): string | undefined {
  if (limit.agent !== undefined && run.agent !== limit.agent) return undefined
  if (limit.where?.tool !== undefined && run.tool !== limit.where.tool) return undefined
  const groups: Record<string, string | undefined> = {
    counterparty: to,
    agent: run.agent,
    tool: run.tool,
    run: run.thread,
    "tag:customer": tags["customer"],
  }
  const window = limit.per === undefined ? "" : windowKey(limit.per, askedAt, limit.timeZone)
  return JSON.stringify([window, limit.by === undefined ? "" : (groups[limit.by] ?? null)])
}

function checkCounters({ counters, limits, spends }: View): void {
  for (const limit of limits) {
    const groups = new Map<string, bigint>()
    for (const spend of spends.values()) {
      const group = groupOf(limit, spend)
      if (group !== undefined) groups.set(group, naiveUse(limit, spends.values(), spend))
    }
    const expected = [...groups.values()].filter((used) => used !== 0n)
    const found = [...counters]
      .filter(([key]) => key.startsWith(`${limit.id}\u001f`))
      .map(([, { held, settled }]) => held + settled)
      .filter((used) => used !== 0n)
    assert.deepEqual(found.sort(), expected.sort(), `counters of ${limit.name}`)
  }
}

function checkAdmissions(before: View, after: View): void {
  for (const [id, spend] of after.spends) {
    if (before.spends.has(id) || spend.state === "rejected") continue
    for (const limit of before.limits) {
      if (limit.over === "queue" || groupOf(limit, spend) === undefined) continue
      const used = naiveUse(limit, after.spends.values(), spend)
      assert(used <= limit.max, `${id} was admitted over ${limit.name}: ${used} of ${limit.max}`)
    }
  }
}

function checkMoves(before: View, after: View): void {
  for (const [id, spend] of before.spends) {
    const now = after.spends.get(id)
    assert(now !== undefined, `${id} is gone`)
    if (now.state === spend.state) continue
    assert(!isFinal(spend.state), `${id} left the final state ${spend.state}`)
    assert(reachable(spend.state).has(now.state), `${id} went from ${spend.state} to ${now.state}`)
  }
}

/** States that one command can lead to: an expiry may come first. */
function reachable(state: SpendState): ReadonlySet<SpendState> {
  const next = Object.values(spendMoves[state])
  return new Set([...next, ...next.flatMap((each) => Object.values(spendMoves[each]))])
}

function checkUse({ limits, spends, pending }: View, excused: boolean): void {
  assert.equal(pending, [...spends.values()].filter(({ state }) => state === "queued").length)
  if (excused) return
  for (const limit of limits) {
    if (limit.over === "queue") continue
    for (const spend of spends.values()) {
      if (groupOf(limit, spend) === undefined) continue
      assert(
        naiveUse(limit, spends.values(), spend) <= limit.max,
        `${limit.name} is passed with nothing on record`,
      )
    }
  }
}

async function checkTrail(subject: Subject): Promise<void> {
  const rows = await subject.ledger.events(wallet, 1, 10_000)
  const events = rows.map(openEvent)
  assert.deepEqual((await verifyTrail(events)).ok, true)
  const replay = new Replay()
  for (const event of events) replay.add(event)
  const entry: Step<unknown> = {
    reads: () => ({ history: true, prefixes: [""] }),
    work: (facts) => {
      assert(facts.head.wallet !== undefined)
      return { result: replay.compare(tablesOf(facts, facts.head.wallet)) }
    },
  }
  const [answer] = await subject.ledger.read([{ wallet, step: entry }], () => subject.now)
  assert(answer?.ok)
  assert.equal(answer.value, undefined)
}

describe("the spend state machine", () => {
  test("keeps every invariant under any sequence of asks, reviews, endings, amendments and clock steps", async () => {
    const firstTerms = parseTerms(
      { dailyLimit: 50, requireApprovalAbove: 20, approvalTtl: "2h" },
      mandateTermNames,
      "USD",
    )
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 40 }), async (commands) => {
        const subject = new Subject()
        const create = { currency: "USD" }
        await subject.run(amendStep({ wallet, terms: firstTerms, codeVersion: 0, create }))
        let before = await subject.view()
        for (const act of commands) {
          await act(subject)
          const after = await subject.view()
          checkAdmissions(before, after)
          checkMoves(before, after)
          checkCounters(after)
          checkUse(after, subject.excused)
          before = after
        }
        await checkTrail(subject)
      }),
      { numRuns: 300 },
    )
  })

  test("has no way out of settled, released and rejected", () => {
    for (const state of ["settled", "released", "rejected"] as const) assert(isFinal(state))
    for (const state of ["queued", "approved", "running", "failed", "unknown"] as const)
      assert(!isFinal(state))
  })
})
