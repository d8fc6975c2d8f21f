import type { Step } from "../ledger/ledger.ts"
import { limitsInForce } from "../mandate/limits-in-force.ts"
import type { CompiledLimit } from "../mandate/mandate.ts"
import { counterOf, counterPrefix, type Use } from "../spend/counters.ts"
import { decisionOfSpend } from "../spend/decision.ts"
import type { Spend } from "../spend/spend.ts"
import { isoTime } from "../time/clock.ts"
import { afterRealTime, onRealMicrotask } from "../time/real-timer.ts"
import { openEvent, type TrailEvent } from "../trail/event.ts"
import { balanceOf } from "../wallet/balance.ts"
import type { Connection, Identity } from "../wallet/session.ts"
import type { Notification, NotificationKind, Notifications } from "./notification.ts"

const page = 200

/** How soon it is looked again where the ledger could not be read, milliseconds. */
const again = 1000

/** The highest level that was told of a counter, and of which limit. */
type Levels = Map<string, { readonly max: bigint; readonly level: number }>

type Listener = (notification: Notification) => void

/**
 * Tells what is committed to a wallet, by whatever process, from the moment it was started. It reads the trail off
 * the path of any decision and does not keep the process alive.
 */
export class Notifier {
  readonly #session: Connection & Identity
  readonly #listeners = new Set<Listener>()
  /** What was told of each counter that is near its limit. */
  #levels: Levels = new Map()
  /** The position that is next to be told; 0 until the trail could be read. */
  #next = 0
  /** Decisions whose counters are still to be looked at. */
  readonly #touched = new Set<string>()
  #stop: (() => void) | undefined
  #pumping: Promise<void> = Promise.resolve()
  #isPumping = false
  #isRung = false

  constructor(session: Connection & Identity) {
    this.#session = session
  }

  /** Listens from now on; gives the stop. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    if (this.#stop === undefined) this.#start()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size > 0) return
      this.#stop?.()
      this.#stop = undefined
    }
  }

  /** When all that is committed by now has been told. */
  async told(): Promise<void> {
    this.#ring()
    await this.#pumping
  }

  #start(): void {
    this.#stop = this.#session.engine.ledger.watch(() => this.#ring(), { idle: true })
    this.#isPumping = true
    this.#pumping = this.#begin()
      .catch(() => undefined)
      .then(() => this.#pump())
  }

  /** Limits that are near already are not news. */
  async #begin(): Promise<void> {
    const { seq, levels } = await this.#session.engine.read(this.#session.owner, levelsStep)
    this.#levels = levels
    this.#next = seq + 1
  }

  #ring(): void {
    this.#isRung = true
    if (this.#isPumping || this.#stop === undefined) return
    this.#isPumping = true
    this.#pumping = this.#pump()
  }

  async #pump(): Promise<void> {
    do {
      this.#isRung = false
      try {
        if (this.#next > 0) while ((await this.#turn()) === page);
        else await this.#begin()
      } catch {
        // The ledger cannot be read now: nothing is lost, it is read again.
        if (this.#stop !== undefined) afterRealTime(again, () => this.#ring(), { idle: true })
      }
    } while (this.#isRung)
    this.#isPumping = false
  }

  async #turn(): Promise<number> {
    const { engine, owner } = this.#session
    const rows = await engine.events(owner, this.#next, page)
    for (const row of rows) {
      const event = openEvent(row)
      await this.#event(event)
      const id = event.data["decision"]
      if (raises.has(event.type) && typeof id === "string") this.#touched.add(id)
      this.#next = row.seq + 1
    }
    if (this.#touched.size > 0) await this.#nearing([...this.#touched])
    this.#touched.clear()
    return rows.length
  }

  async #event(event: TrailEvent): Promise<void> {
    const kind = kindOf(event)
    const id = event.data["decision"]
    if (kind === undefined || typeof id !== "string") return
    const { engine, owner } = this.#session
    const spend = await engine.read(owner, spendStep(id))
    if (spend === undefined) return
    const { wallet, seq, at, data } = event
    const told = { id: `${wallet}/${seq}/${kind}`, at, wallet, decision: decisionOfSpend(spend, owner) }
    if (kind === "overage") this.#tell({ ...told, kind, amount: String(data["amount"]) })
    else this.#tell({ ...told, kind })
  }

  async #nearing(ids: readonly string[]): Promise<void> {
    const { engine, owner } = this.#session
    const spends = await engine.read(owner, {
      reads: () => ({ ids }),
      work: (facts) => ({ result: ids.map((id) => facts.spend(id)) }),
    })
    const near = await engine.read(owner, nearStep(spends.filter((spend) => spend !== undefined)))
    for (const { key, limit, use, at } of near) {
      const level = levelOf(limit, use)
      const told = this.#levels.get(key)
      // Where the limit was moved, what was told of it is of another limit.
      if (level <= (told?.max === limit.max ? told.level : 0)) continue
      this.#levels.set(key, { max: limit.max, level })
      const balance = balanceOf(limit, key, use, at)
      const news = { id: `${owner}/${key}/${level}`, at: isoTime(at), wallet: owner, limit: balance }
      this.#tell({ ...news, kind: "nearing", percent: level as 80 | 95 })
    }
  }

  #tell(notification: Notification): void {
    for (const listener of this.#listeners) {
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

/** The counters that spends count in now. */
function nearStep(spends: readonly Spend[]): Step<readonly Near[]> {
  const keysOf = (limits: Iterable<CompiledLimit>) => {
    const keys = new Map<string, { limit: CompiledLimit; at: number }>()
    for (const limit of limits) {
      for (const spend of spends) {
        const key = counterOf(limit, spend, spend.askedAt)
        if (key !== undefined) keys.set(key, { limit, at: spend.askedAt })
      }
    }
    return keys
  }
  return {
    reads: ({ mandates }) => ({ counters: [...keysOf(limitsInForce(mandates).values()).keys()] }),
    work(facts) {
      const keys = keysOf(limitsInForce(facts.head.mandates).values())
      return { result: [...keys].map(([key, { limit, at }]) => ({ key, limit, at, use: facts.use(key) })) }
    },
  }
}

/** Where the trail ends, and which counters are near their limits already. */
const levelsStep: Step<{ readonly seq: number; readonly levels: Levels }> = {
  reads: ({ mandates }, at) => ({
    prefixes: [...limitsInForce(mandates).values()].map((limit) => counterPrefix(limit, at)),
  }),
  work(facts) {
    const levels: Levels = new Map()
    for (const limit of limitsInForce(facts.head.mandates).values()) {
      for (const [key, use] of facts.countersUnder(counterPrefix(limit, facts.at))) {
        const level = levelOf(limit, use)
        if (level > 0) levels.set(key, { max: limit.max, level })
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
    const whose = "decision" in notification ? notification.decision.run.agent : notification.limit.agent
    if (agent !== undefined && whose !== agent) return
    listener(notification as Notifications[K])
  }
}
