import type { Head, Step } from "../ledger/ledger.ts"
import { type CompiledLimit, compileMandate } from "../mandate/mandate.ts"
import { counterOf, counterPrefix, type Use } from "../spend/counters.ts"
import { decisionOfSpend } from "../spend/decision.ts"
import type { Spend } from "../spend/spend.ts"
import { isoTime } from "../time/clock.ts"
import { afterRealTime, onRealMicrotask } from "../time/real-timer.ts"
import { openEvent, type TrailEvent } from "../trail/event.ts"
import { balanceOf, type LimitBalance } from "../wallet/balance.ts"
import type { Connection, Identity } from "../wallet/session.ts"
import type { Notification, NotificationKind, Notifications } from "./notification.ts"

const page = 200

/** How soon it is looked again where the ledger could not be read, milliseconds. */
const again = 1000

/** The highest level that was told, by `levelName`. */
type Levels = Map<string, number>

type Listener = (notification: Notification) => void

/**
 * Tells what is committed to a wallet, by whatever process, from the moment it was started. It reads the trail off
 * the path of any decision and does not keep the process alive.
 */
export class Notifier {
  readonly #session: Connection & Identity
  readonly #listeners = new Set<Listener>()
  /** What was told of each counter that is near a limit. */
  #levels: Levels = new Map()
  /** The position that is next to be told; 0 until the trail could be read. */
  #next = 0
  /** Decisions whose counters are still to be looked at. */
  readonly #touched = new Set<string>()
  #stop: (() => void) | undefined
  /** Ends the wait for another try. */
  #retry = () => {}
  /** Rises whenever listening begins or ends: what was under way before tells nobody. */
  #generation = 0
  #pumping: Promise<void> | undefined
  #isRung = false

  constructor(session: Connection & Identity) {
    this.#session = session
  }

  /** Listens from now on; gives the stop. */
  listen(listener: Listener): () => void {
    const own: Listener = (notification) => listener(notification)
    this.#listeners.add(own)
    if (this.#stop === undefined) this.#start()
    return () => {
      this.#listeners.delete(own)
      if (this.#listeners.size === 0) this.#end()
    }
  }

  /** Tells what is committed by now, and then nobody any more. */
  async close(): Promise<void> {
    if (this.#stop === undefined) return
    await this.#ring()
    this.#listeners.clear()
    this.#end()
  }

  #start(): void {
    this.#generation++
    this.#next = 0
    this.#touched.clear()
    this.#stop = this.#session.engine.ledger.watch(() => void this.#ring(), { idle: true })
    void this.#ring()
  }

  #end(): void {
    this.#generation++
    this.#retry()
    this.#stop?.()
    this.#stop = undefined
  }

  #ring(): Promise<void> {
    if (this.#stop === undefined) return Promise.resolve()
    this.#isRung = true
    this.#pumping ??= this.#pump()
    return this.#pumping
  }

  async #pump(): Promise<void> {
    while (this.#isRung && this.#stop !== undefined) {
      this.#isRung = false
      try {
        if (this.#next === 0) await this.#begin(this.#generation)
        else while ((await this.#turn(this.#generation)) === page);
      } catch {
        // The ledger cannot be read now: nothing is lost, it is read again.
        this.#retry()
        if (this.#stop !== undefined)
          this.#retry = afterRealTime(again, () => void this.#ring(), { idle: true })
      }
    }
    this.#pumping = undefined // at once: who rings from now on begins anew
  }

  /** Limits that are near already are not news. */
  async #begin(generation: number): Promise<void> {
    const { seq, levels } = await this.#session.engine.read(this.#session.owner, levelsStep)
    if (generation !== this.#generation) return
    this.#levels = levels
    this.#next = seq + 1
    this.#isRung = true
  }

  async #turn(generation: number): Promise<number> {
    const { engine, owner } = this.#session
    const rows = await engine.events(owner, this.#next, page)
    for (const row of rows) {
      const event = openEvent(row)
      const news = await this.#newsOf(event)
      if (generation !== this.#generation) return 0
      if (news !== undefined) this.#tell(news)
      const id = event.data["decision"]
      if (raises.has(event.type) && typeof id === "string") this.#touched.add(id)
      this.#next = row.seq + 1
    }
    if (this.#touched.size > 0) await this.#nearing([...this.#touched], generation)
    return rows.length
  }

  async #newsOf(event: TrailEvent): Promise<Notification | undefined> {
    const kind = kindOf(event)
    const id = event.data["decision"]
    if (kind === undefined || typeof id !== "string") return undefined
    const { engine, owner } = this.#session
    const spend = await engine.read(owner, spendStep(id))
    if (spend === undefined) return undefined
    const { wallet, seq, at, data } = event
    const told = { id: `${wallet}/${seq}/${kind}`, at, wallet, decision: decisionOfSpend(spend, owner) }
    return kind === "overage" ? { ...told, kind, amount: String(data["amount"]) } : { ...told, kind }
  }

  async #nearing(ids: readonly string[], generation: number): Promise<void> {
    const { engine, owner } = this.#session
    const spends = await engine.read(owner, {
      reads: () => ({ ids }),
      work: (facts) => ({ result: ids.map((id) => facts.spend(id)) }),
    })
    const near = await engine.read(owner, nearStep(spends.filter((spend) => spend !== undefined)))
    if (generation !== this.#generation) return
    this.#touched.clear()
    for (const { key, limit, use, at } of near) {
      const [level, name] = [levelOf(limit, use), levelName(limit, key)]
      if (level <= (this.#levels.get(name) ?? 0)) continue
      this.#levels.set(name, level)
      const balance = balanceOf(limit, key, use, at)
      const told = { id: `${owner}/${name}/${level}`, at: isoTime(at), wallet: owner, limit: balance }
      this.#tell({ ...told, kind: "nearing", percent: level as 80 | 95 })
    }
  }

  #tell(notification: Notification): void {
    // Who begins to listen while this is told hears of what comes next.
    for (const listener of [...this.#listeners]) {
      if (!this.#listeners.has(listener)) continue
      try {
        listener(notification)
      } catch (error) {
        onRealMicrotask(() => {
          throw error
        })
      }
    }
  }
}

/** Events that can raise what a limit counts. */
const raises: ReadonlySet<string> = new Set([
  ...["decision.made", "spend.settled", "spend.late_outcome", "spend.adjusted"],
])

function kindOf({ type, data }: TrailEvent): Exclude<NotificationKind, "nearing"> | undefined {
  if (type === "decision.made" && data["status"] === "queued") return "queued"
  if (type === "approval.resolved") return "resolved"
  if (type === "spend.overage") return "overage"
  return type === "spend.unknown" ? "unknown" : undefined
}

function spendStep(id: string): Step<Spend | undefined> {
  return { reads: () => ({ ids: [id] }), work: (facts) => ({ result: facts.spend(id) }) }
}

interface Near {
  readonly key: string
  readonly limit: CompiledLimit
  readonly use: Use
  readonly at: number
}

/** Every limit in force: two of one identity share a counter, and each can be near. */
function limitsOf(mandates: Head["mandates"]): readonly CompiledLimit[] {
  const wallet = mandates.get("")
  if (wallet === undefined) return []
  const { timeZone, limits } = compileMandate(wallet.body)
  const agents = [...mandates.values()].filter(({ agent, version }) => agent !== "" && version > 0)
  return [
    ...limits,
    ...agents.flatMap(({ agent, body }) => compileMandate(body, { name: agent, timeZone }).limits),
  ]
}

/** A counter under one limit: a limit that is moved is another. */
function levelName({ max, over }: CompiledLimit, key: string): string {
  return `${key}/${max}/${over}`
}

/** The counters that spends count in. */
function nearStep(spends: readonly Spend[]): Step<readonly Near[]> {
  const countersOf = (mandates: Head["mandates"]) =>
    limitsOf(mandates).flatMap((limit) => {
      const keys = spends.map((spend) => [counterOf(limit, spend, spend.askedAt), spend.askedAt] as const)
      return [...new Map(keys)].flatMap(([key, at]) => (key === undefined ? [] : [{ key, limit, at }]))
    })
  return {
    reads: ({ mandates }) => ({ counters: countersOf(mandates).map(({ key }) => key) }),
    work: (facts) => ({
      result: countersOf(facts.head.mandates).map((each) => ({ ...each, use: facts.use(each.key) })),
    }),
  }
}

/** Where the trail ends, and which counters are near their limits already. */
const levelsStep: Step<{ readonly seq: number; readonly levels: Levels }> = {
  reads: ({ mandates }, at) => ({ prefixes: limitsOf(mandates).map((limit) => counterPrefix(limit, at)) }),
  work(facts) {
    const levels: Levels = new Map()
    for (const limit of limitsOf(facts.head.mandates)) {
      for (const [key, use] of facts.countersUnder(counterPrefix(limit, facts.at))) {
        if (levelOf(limit, use) > 0) levels.set(levelName(limit, key), levelOf(limit, use))
      }
    }
    return { result: { seq: facts.head.wallet?.seq ?? 0, levels } }
  },
}

function levelOf({ max }: CompiledLimit, { held, settled }: Use): 0 | 80 | 95 {
  const used = (held + settled) * 100n
  if (used === 0n || used < 80n * max) return 0
  return used < 95n * max ? 80 : 95
}

/** Narrows what is told to one kind, and to one agent where it is an agent's wallet. */
export function listenerOf<K extends NotificationKind>(
  kind: K,
  agent: string | undefined,
  listener: (notification: Notifications[K]) => void,
): Listener {
  return (notification) => {
    if (notification.kind !== kind) return
    const whose = "decision" in notification ? notification.decision.run.agent : agentOf(notification.limit)
    if (agent !== undefined && whose !== agent) return
    listener(notification as Notifications[K])
  }
}

/** Whose own limit it is, or whose part of one that is counted by agent. */
function agentOf({ agent, by, bucket }: LimitBalance): string | undefined {
  return by === "agent" ? bucket : agent
}
