import { walletNotFound } from "../engine/standing.ts"
import type { Snapshot } from "../ledger/ledger.ts"
import { limitsInForce } from "../mandate/limits-in-force.ts"
import {
  amendBody,
  type CompiledLimit,
  compileMandate,
  requireLimit,
  sealMandate,
} from "../mandate/mandate.ts"
import type { MandateBody, TermsPatch } from "../mandate/terms.ts"
import { formatMicros, parseMicros } from "../money/money.ts"
import { decide, type PolicyIntent, type Status } from "../policy/decide.ts"
import { counterOf, type Mandates, noUse, type Use } from "../spend/counters.ts"
import { openEvent, type TrailEvent } from "../trail/event.ts"
import { eventsOfWallet } from "../trail/events-of.ts"
import { disclosuresOf } from "./export-trail.ts"

/** Decisions that were one thing and would be another, with their money. */
export interface SimulatedChange {
  readonly from: Status
  readonly to: Status
  readonly count: number
  readonly amount: string
}

/** What other terms would have decided. */
export interface Simulation {
  readonly owner: string
  readonly currency: string
  readonly decisions: number
  /** How many there were and would be, with what they asked for. */
  readonly actual: Readonly<Record<Status, { readonly count: number; readonly amount: string }>>
  readonly simulated: Readonly<Record<Status, { readonly count: number; readonly amount: string }>>
  readonly changes: readonly SimulatedChange[]
  /** The first hundred that would be decided otherwise. */
  readonly examples: readonly {
    readonly decision: string
    readonly at: string
    readonly amount: string
    readonly to: string
    readonly from: Status
    readonly now: Status
    readonly reasons: readonly string[]
  }[]
}

const mostExamples = 100

/**
 * Decides every past intent anew under other terms, in its order, at its time. What ended as it did ends so again;
 * what would be approved and never was counts in full; what would be queued is taken for approved. Controls (frozen,
 * revoked) and the number of pending decisions are left out.
 */
export async function simulateTerms(
  snapshot: Snapshot,
  owner: string,
  {
    agent,
    patch,
    since,
  }: { readonly agent: string | undefined; readonly patch: TermsPatch; readonly since: number },
): Promise<Simulation> {
  const { wallet, mandates } = await snapshot.head(owner)
  if (wallet === undefined) throw walletNotFound(owner)
  const amended = new Map(
    [...mandates].map(([name, row]) => [name, { agent: name, version: row.version, body: row.body }]),
  )
  const before = amended.get(agent ?? "")?.body
  const body = amendBody(
    before === undefined || before === "" ? undefined : (JSON.parse(before) as MandateBody),
    patch,
    wallet.currency,
  )
  if (agent === undefined) requireLimit(body)
  amended.set(agent ?? "", { agent: agent ?? "", version: 1, body: sealMandate(body).body })
  const run = new SimulationRun(owner, wallet.currency, amended, since)
  for await (const row of eventsOfWallet(snapshot, owner)) {
    const event = openEvent(row)
    const id = event.data["decision"]
    const isAsk = event.type === "decision.made" && typeof id === "string"
    const spend = isAsk && run.readsPurpose ? (await snapshot.spend(id))?.spend : undefined
    const purpose = disclosuresOf(event, row, spend).find(({ name }) => name === "purpose")?.value
    run.add(event, purpose ?? "")
  }
  return run.result()
}

/** A past decision as it goes on in the simulation. */
interface Simulated {
  readonly counters: readonly { readonly key: string; readonly limit: CompiledLimit }[]
  readonly to: string
  /** What it counts as now: millionths, and whether it counts as one. */
  micros: bigint
  times: bigint
  spent: bigint
}

type Tally = Record<Status, { count: number; micros: bigint }>

const newTally = (): Tally => ({
  approved: { count: 0, micros: 0n },
  queued: { count: 0, micros: 0n },
  rejected: { count: 0, micros: 0n },
})

class SimulationRun {
  readonly #owner: string
  readonly #currency: string
  readonly #limits: readonly CompiledLimit[]
  readonly #mandates: (agent: string | undefined) => Mandates
  readonly #since: number
  readonly #counters = new Map<string, { held: bigint; settled: bigint }>()
  readonly #seen = new Set<string>()
  readonly #open = new Map<string, Simulated>()
  readonly #actual = newTally()
  readonly #simulated = newTally()
  readonly #changes = new Map<string, { from: Status; to: Status; count: number; micros: bigint }>()
  readonly #examples: Simulation["examples"][number][] = []
  readonly readsPurpose: boolean

  constructor(
    owner: string,
    currency: string,
    rows: ReadonlyMap<string, { readonly agent: string; readonly version: number; readonly body: string }>,
    since: number,
  ) {
    this.#owner = owner
    this.#currency = currency
    this.#since = since
    this.#limits = [...limitsInForce(rows).values()]
    const wallet = compileMandate(rows.get("")?.body ?? "{}")
    const agents = new Map(
      [...rows.values()]
        .filter(({ agent, version }) => agent !== "" && version > 0)
        .map(({ agent, body }) => [agent, compileMandate(body, { name: agent, timeZone: wallet.timeZone })]),
    )
    this.#mandates = (agent) => ({ wallet, agent: agent === undefined ? undefined : agents.get(agent) })
    this.readsPurpose = wallet.rules.length > 0 || [...agents.values()].some(({ rules }) => rules.length > 0)
  }

  add(event: TrailEvent, purpose: string): void {
    const id = event.data["decision"]
    if (typeof id !== "string") return
    if (event.type === "decision.made") return this.#ask(id, event, purpose)
    const spend = this.#open.get(id)
    if (spend !== undefined) this.#goOn(spend, event)
  }

  #ask(id: string, { at, data }: TrailEvent, purpose: string): void {
    const time = Date.parse(at)
    const { thread, agent, tool, call, node, namespace } = data as Record<string, string | undefined>
    const intent: PolicyIntent = {
      micros: parseMicros(data["amount"], "amount"),
      currency: String(data["currency"]),
      to: String(data["to"]),
      purpose,
      tags: (data["tags"] ?? {}) as Readonly<Record<string, string>>,
      run: { thread, agent, tool, call, node, namespace },
    }
    const use = (key: string): Use => this.#counters.get(key) ?? noUse
    const facts = {
      at: time,
      control: undefined,
      agentControl: undefined,
      pending: 0,
      seen: this.#seen.has(intent.to),
      use,
    }
    const { status, reasons } = decide(this.#mandates(agent), facts, intent)
    const actual = data["status"] as Status
    if (time >= this.#since)
      this.#note(
        id,
        at,
        intent,
        actual,
        status,
        reasons.map(({ code }) => code),
      )
    const counters = this.#limits.flatMap((limit) => {
      const key = counterOf(limit, intent, time)
      return key === undefined ? [] : [{ key, limit }]
    })
    if (status === "rejected") return
    const spend: Simulated = { counters, to: intent.to, micros: 0n, times: 0n, spent: 0n }
    this.#count(spend, intent.micros, 1n)
    if (actual !== "rejected") this.#open.set(id, spend)
  }

  /** What really became of it becomes of it here, too. */
  #goOn(spend: Simulated, { type, data }: TrailEvent): void {
    const isOver = type === "spend.released" || (type === "approval.resolved" && data["state"] !== "approved")
    const costs: Readonly<Record<string, () => bigint>> = {
      "spend.settled": () => {
        const cost = parseMicros(data["cost"], "cost")
        return cost > spend.spent ? cost : spend.spent
      },
      "spend.late_outcome": () => spend.spent + parseMicros(data["counted"], "counted"),
      "spend.adjusted": () => parseMicros(data["to"], "to"),
    }
    const cost = Object.hasOwn(costs, type) ? costs[type]?.() : undefined
    if (cost === undefined)
      return isOver ? this.#count(spend, spend.spent, spend.spent > 0n ? 1n : 0n) : undefined
    spend.spent = cost
    this.#count(spend, cost, type === "spend.late_outcome" && cost === 0n ? spend.times : 1n)
    this.#seen.add(spend.to)
  }

  #count(spend: Simulated, micros: bigint, times: bigint): void {
    for (const { key, limit } of spend.counters) {
      const counter = this.#counters.get(key) ?? { held: 0n, settled: 0n }
      counter.held += limit.unit === "amount" ? micros - spend.micros : times - spend.times
      this.#counters.set(key, counter)
    }
    spend.micros = micros
    spend.times = times
  }

  #note(
    id: string,
    at: string,
    { micros, to }: PolicyIntent,
    from: Status,
    now: Status,
    reasons: readonly string[],
  ): void {
    for (const [tally, status] of [
      [this.#actual, from],
      [this.#simulated, now],
    ] as const) {
      tally[status].count++
      tally[status].micros += micros
    }
    if (from === now) return
    const change = this.#changes.get(`${from} ${now}`) ?? { from, to: now, count: 0, micros: 0n }
    change.count++
    change.micros += micros
    this.#changes.set(`${from} ${now}`, change)
    if (this.#examples.length >= mostExamples) return
    this.#examples.push({ decision: id, at, amount: formatMicros(micros), to, from, now, reasons })
  }

  result(): Simulation {
    const told = (tally: Tally) =>
      Object.fromEntries(
        Object.entries(tally).map(([status, { count, micros }]) => [
          status,
          { count, amount: formatMicros(micros) },
        ]),
      ) as Simulation["actual"]
    const { approved, queued, rejected } = this.#actual
    return {
      owner: this.#owner,
      currency: this.#currency,
      decisions: approved.count + queued.count + rejected.count,
      actual: told(this.#actual),
      simulated: told(this.#simulated),
      changes: [...this.#changes.values()].map(({ micros, ...change }) => ({
        ...change,
        amount: formatMicros(micros),
      })),
      examples: this.#examples,
    }
  }
}
