import assert from "node:assert/strict"
import { expireStep } from "../src/engine/review.ts"
import { NornrError } from "../src/error/nornr-error.ts"
import type { Facts, Ledger, Step } from "../src/ledger/ledger.ts"
import { limitsInForce } from "../src/mandate/limits-in-force.ts"
import type { CompiledLimit } from "../src/mandate/mandate.ts"
import { isFinal, type SpendState, spendMoves } from "../src/spend/machine.ts"
import { type Spend, usageOf } from "../src/spend/spend.ts"
import { windowKey } from "../src/time/window.ts"
import { openEvent } from "../src/trail/event.ts"
import { verifyWallet } from "../src/wallet/verify-wallet.ts"

/** The wallet that sequences are played on. */
export const wallet = "owner"

/** What the tables hold at one instant. */
export interface View {
  readonly spends: ReadonlyMap<string, Spend>
  readonly counters: Facts["countersUnder"] extends (prefix: string) => infer T ? T : never
  readonly limits: readonly CompiledLimit[]
  readonly pending: number
  readonly seq: number
}

/** A wallet on a real ledger, driven step by step under a clock that the test moves. */
export class Subject {
  readonly ledger: Ledger
  constructor(ledger: Ledger) {
    this.ledger = ledger
  }
  now: number = Date.parse("2026-11-22T20:00:00Z")
  readonly ids: string[] = []

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
          limits: [...limitsInForce(facts.head.mandates).values()],
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

export function checkCounters({ counters, limits, spends }: View): void {
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

export function checkAdmissions(before: View, after: View): void {
  for (const [id, spend] of after.spends) {
    if (before.spends.has(id) || spend.state === "rejected") continue
    for (const limit of before.limits) {
      if (limit.over === "queue" || groupOf(limit, spend) === undefined) continue
      const used = naiveUse(limit, after.spends.values(), spend)
      assert(used <= limit.max, `${id} was admitted over ${limit.name}: ${used} of ${limit.max}`)
    }
  }
}

export function checkMoves(before: View, after: View): void {
  for (const [id, spend] of before.spends) {
    const now = after.spends.get(id)
    assert(now !== undefined, `${id} is gone`)
    if (now.state === spend.state) continue
    if (now.reasons[0]?.code === "approval_expired") {
      assert((spend.due ?? 0) <= (now.endedAt ?? 0), `${id} expired before it was due`)
    }
    const adjusted = spend.state === "released" && now.state === "settled"
    assert(!isFinal(spend.state) || adjusted, `${id} left the final state ${spend.state}`)
    assert(reachable(spend.state).has(now.state), `${id} went from ${spend.state} to ${now.state}`)
  }
}

/** States that one command can lead to: an expiry may come first. */
function reachable(state: SpendState): ReadonlySet<SpendState> {
  const next = Object.values(spendMoves[state])
  return new Set([...next, ...next.flatMap((each) => Object.values(spendMoves[each]))])
}

/** Use above a limit is only ever what an overage or an amendment on record has left. */
export async function checkUse(subject: Subject, { limits, spends, pending }: View): Promise<void> {
  assert.equal(pending, [...spends.values()].filter(({ state }) => state === "queued").length)
  const rows = await subject.ledger.events(wallet, 1, 10_000)
  const excuses = new Set<string>(["spend.overage", "mandate.amended", "spend.adjusted"])
  if (rows.some((row) => excuses.has(openEvent(row).type))) return
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

export async function checkTrail(subject: Subject): Promise<void> {
  const report = await verifyWallet(subject.ledger, wallet, {})
  assert(report.ok, report.ok ? "" : report.message)
}
