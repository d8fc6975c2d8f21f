import assert from "node:assert/strict"
import { join } from "node:path"
import fc from "fast-check"
import { describe, test } from "vitest"
import {
  checkAdmissions,
  checkCounters,
  checkMoves,
  checkTrail,
  checkUse,
  Subject,
  wallet,
} from "../../test/invariants.ts"
import { temporaryFolder } from "../../test/temporary-folder.ts"
import { NornrError } from "../error/nornr-error.ts"
import { parseIntent } from "../intent/intent.ts"
import type { Ledger } from "../ledger/ledger.ts"
import { memoryLedger } from "../ledger/memory.ts"
import { sqliteLedger } from "../ledger/sqlite/sqlite-ledger.ts"
import { mandateTermNames, parseTerms } from "../mandate/parse-terms.ts"
import type { MandateTerms } from "../mandate/terms.ts"
import { isFinal } from "../spend/machine.ts"
import type { Spend } from "../spend/spend.ts"
import { disclosure } from "../trail/digest.ts"
import { newId } from "../trail/id.ts"
import { amendStep, type ControlAct, controlStep } from "./amend.ts"
import { type Answer, askStep, type GovernedAnswer, governStep } from "./ask.ts"
import { type ClaimedFrom, renewStep, unclaimStep } from "./claim.ts"
import { resetClockStep } from "./clock-reset.ts"
import { attachStep } from "./evidence.ts"
import { adjustStep, type Ender, type Ending, endStep } from "./outcome.ts"
import { leaseStep, type PickedUp, pickUpStep } from "./pickup.ts"
import { redactable, redactStep } from "./redact.ts"
import { cancelStep, reviewStep, withdrawStep } from "./review.ts"
import type { Actor } from "./reviewer.ts"

const minute = 60_000

const ana: Actor = { name: "ana" }

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
    how: fc.constantFrom("pay", "governed", "claimed", "reasked", "idempotent"),
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
        const { how } = each
        const asked = {
          intent,
          id: newId("dec", subject.now),
          approvalId: newId("apr", subject.now),
          texts: { purpose: disclosure(intent.purpose) },
          binding: JSON.stringify([each.cents, each.to]),
          governed: how !== "pay",
        }
        const [reask, idempotent, claims] = [how === "reasked", how === "idempotent", how !== "governed"]
        const agent = intent.run.agent
        const call = { key: intent.key, binding: asked.binding, agent, ask: asked, claims, reask, idempotent }
        if (how === "pay") await subject.run<Answer>(askStep(asked))
        else await subject.run<GovernedAnswer>(governStep(call))
        if ((await subject.view()).spends.has(asked.id)) subject.ids.push(asked.id)
      },
  )

const claims = fc.boolean().chain((idempotent) =>
  onSpend((subject, id, { key, binding }) => {
    const call = { key, binding, agent: undefined, claims: true, reask: false, idempotent }
    return subject.run(governStep({ id, ...call }))
  }),
)

const unclaim = fc
  .constantFrom<ClaimedFrom>("new", "approved", "failed", "unknown")
  .chain((from) => onSpend((subject, id, { fence = 0 }) => subject.run(unclaimStep(id, { fence, from }))))

const adjust = fc
  .integer({ min: 0, max: 4000 })
  .chain((cents) =>
    onSpend((subject, id) => subject.run(adjustStep(id, BigInt(cents) * 10_000n, { actor: ana }))),
  )

const resetClock = fc.constant<Command>(async (subject) => {
  await subject.run(resetClockStep({ actor: ana, remark: disclosure("the clock was in 2030") }))
})

const watch = fc
  .record({ holder: fc.constantFrom("w1", "w2"), what: fc.constantFrom("renew", "done", "give back") })
  .map(
    ({ holder, what }): Command =>
      async (subject) => {
        const picked = await subject.run<PickedUp>(pickUpStep(holder, undefined))
        if (NornrError.isInstance(picked) || picked.spend === undefined) return
        await subject.run(leaseStep(picked.spend.id, holder, what as "renew" | "done" | "give back"))
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
        reviewStep({ id, verdict: yes ? "approve" : "reject", actor: ana, comment: disclosure("fine") }),
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
      caller: { caller: undefined },
      desk: { actor: ana },
      claim: { fence },
      late: { fence: fence - 1 },
    }
    const by = enders[who] as Ender
    if (typeof by === "object" && "fence" in by && spend.fence === undefined) return
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
        const own = of !== undefined && !("timeZone" in terms)
        await subject.run(
          amendStep({
            wallet,
            agent: own ? of : undefined,
            terms: parseTerms(terms, mandateTermNames, "USD"),
            codeVersion: 0,
            actor: reviewer === undefined ? undefined : ana,
          }),
        )
      },
  )

const control = fc
  .record({ agent, act: fc.constantFrom<ControlAct>("freeze", "review_only", "unfreeze", "unfreeze") })
  .map(
    ({ agent: of, act }): Command =>
      async (subject) => {
        await subject.run(controlStep(of, act, ana))
      },
  )

const standing = fc.constantFrom<ControlAct>("revoke", "reinstate", "reinstate").map(
  (act): Command =>
    async (subject) => {
      await subject.run(controlStep("buyer", act, ana))
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

const attach = fc.record({ pick, url: fc.constantFrom("urn:a", "urn:b"), by: fc.boolean() }).map(
  ({ pick: which, url, by }): Command =>
    async (subject) => {
      const id = subject.ids[which % Math.max(1, subject.ids.length)]
      if (id === undefined) return
      await subject.run(attachStep(id, { kind: "invoice", url }, by ? { actor: ana } : { caller: undefined }))
    },
)

const redact = fc.record({ pick, names: fc.subarray([...redactable], { minLength: 1 }) }).map(
  ({ pick: which, names }): Command =>
    async (subject) => {
      const id = subject.ids[which % Math.max(1, subject.ids.length)]
      if (id !== undefined)
        await subject.run(redactStep(id, names, { actor: ana, remark: disclosure("why") }))
    },
)

const command: fc.Arbitrary<Command> = fc.oneof(
  { arbitrary: attach, weight: 1 },
  { arbitrary: redact, weight: 1 },
  { arbitrary: ask, weight: 8 },
  { arbitrary: review, weight: 3 },
  { arbitrary: claims, weight: 3 },
  { arbitrary: onSpend((subject, id, { fence = 0 }) => subject.run(renewStep(id, fence))), weight: 1 },
  { arbitrary: unclaim, weight: 1 },
  { arbitrary: adjust, weight: 1 },
  { arbitrary: resetClock, weight: 1 },
  { arbitrary: watch, weight: 1 },
  { arbitrary: end, weight: 5 },
  { arbitrary: onSpend((subject, id) => subject.run(cancelStep(id))), weight: 1 },
  { arbitrary: onSpend((subject, id, { previous }) => subject.run(withdrawStep(id, previous))), weight: 1 },
  { arbitrary: amend, weight: 1 },
  { arbitrary: control, weight: 1 },
  { arbitrary: standing, weight: 1 },
  { arbitrary: step, weight: 2 },
)

const firstTerms = parseTerms(
  { dailyLimit: 50, requireApprovalAbove: 20, approvalTtl: "2h" },
  mandateTermNames,
  "USD",
)

async function requireInvariants(ledger: Ledger, commands: readonly Command[]): Promise<void> {
  const subject = new Subject(ledger)
  const create = { currency: "USD" }
  await subject.run(amendStep({ wallet, terms: firstTerms, codeVersion: 0, create }))
  let before = await subject.view()
  for (const act of commands) {
    await act(subject)
    const after = await subject.view()
    checkAdmissions(before, after)
    checkMoves(before, after)
    checkCounters(after)
    await checkUse(subject, after)
    before = after
  }
  await checkTrail(subject)
}

const sequence = fc.array(command, { minLength: 5, maxLength: 40 })

describe("the spend state machine", () => {
  test("keeps every invariant under any sequence of asks, reviews, endings, amendments and clock steps", async () => {
    const property = fc.asyncProperty(sequence, (commands) => requireInvariants(memoryLedger(), commands))
    await fc.assert(property, { numRuns: 300 })
  })

  test("keeps them in a SQLite file, too", async () => {
    const folder = temporaryFolder()
    let files = 0
    const property = fc.asyncProperty(sequence, async (commands) => {
      const ledger = await sqliteLedger(join(folder.path, `${files++}.db`))
      await requireInvariants(ledger, commands).finally(() => ledger.close())
    })
    await fc.assert(property, { numRuns: 30 })
    folder.remove()
  })

  test("has no way out of settled, released and rejected", () => {
    for (const state of ["settled", "released", "rejected"] as const) assert(isFinal(state))
    for (const state of ["queued", "approved", "running", "failed", "unknown"] as const)
      assert(!isFinal(state))
  })
})
