import { NornrError } from "../error/nornr-error.ts"
import { noUse, type Use } from "../spend/counters.ts"
import { listOf, type Spend, type SpendList, type SpendTexts } from "../spend/spend.ts"
import type {
  Entry,
  EventRow,
  Facts,
  Head,
  MandateRow,
  Reads,
  Settled,
  Step,
  WalletRow,
  Writes,
} from "./ledger.ts"

/** What a driver found for the reads of a whole batch. */
export interface Loaded {
  readonly spends: readonly Spend[]
  readonly counters: ReadonlyMap<string, Use>
  readonly due: readonly Spend[]
  readonly listed: readonly Spend[]
  readonly history: readonly Spend[]
}

/** All that the steps of a batch read. */
export interface BatchReads {
  readonly ids: ReadonlySet<string>
  readonly keys: ReadonlySet<string>
  readonly counters: ReadonlySet<string>
  readonly prefixes: ReadonlySet<string>
  readonly lists: ReadonlySet<SpendList>
  /** -1 where no step asks for what is due. */
  readonly dueBy: number
  readonly history: boolean
}

export interface BatchResult {
  readonly settled: readonly Settled[]
  /** Undefined where no step wrote anything. */
  readonly writes: Writes | undefined
}

/** Groups entries by wallet, runs each group and puts the answers back in the order of the entries. */
export function runByWallet(
  entries: readonly Entry[],
  run: (wallet: string, steps: readonly Step<unknown>[]) => readonly Settled[],
): readonly Settled[] {
  const settled = new Array<Settled>(entries.length)
  for (const [wallet, indexes] of byWallet(entries)) {
    const answers = run(
      wallet,
      indexes.map((index) => (entries[index] as Entry).step),
    )
    indexes.forEach((index, position) => {
      settled[index] = answers[position] as Settled
    })
  }
  return settled
}

function byWallet(entries: readonly Entry[]): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, number[]>()
  entries.forEach(({ wallet }, index) => {
    const group = groups.get(wallet)
    if (group === undefined) groups.set(wallet, [index])
    else group.push(index)
  })
  return groups
}

/** The time at which a batch on this wallet happens: it never runs backwards. */
export function batchTime(head: Head, now: number): number {
  return Math.max(now, head.wallet?.lastAt ?? 0)
}

/** All that the steps of a batch ask to read, as one. A step that cannot say is left to fail in its work. */
export function readsOf(steps: readonly Step<unknown>[], head: Head, at: number): BatchReads {
  const ids = new Set<string>()
  const keys = new Set<string>()
  const counters = new Set<string>()
  const prefixes = new Set<string>()
  const lists = new Set<SpendList>()
  let dueBy = -1
  let history = false
  for (const step of steps) {
    const reads = safeReads(step, head, at)
    for (const id of reads.ids ?? []) ids.add(id)
    for (const key of reads.keys ?? []) keys.add(key)
    for (const counter of reads.counters ?? []) counters.add(counter)
    for (const prefix of reads.prefixes ?? []) prefixes.add(prefix)
    for (const list of reads.lists ?? []) lists.add(list)
    dueBy = Math.max(dueBy, reads.dueBy ?? -1)
    history ||= reads.history === true
  }
  return { ids, keys, counters, prefixes, lists, dueBy, history }
}

function safeReads(step: Step<unknown>, head: Head, at: number): Reads {
  try {
    return step.reads(head, at)
  } catch {
    return {}
  }
}

/** Runs the steps of one wallet one after another, each on what those before it wrote. */
export function runBatch(
  steps: readonly Step<unknown>[],
  head: Head,
  reads: BatchReads,
  loaded: Loaded,
  now: number,
): BatchResult {
  const running = new RunningState(head, reads, loaded, now)
  const settled = steps.map((step): Settled => {
    try {
      const { writes, result } = step.work(running)
      if (writes !== undefined) running.apply(writes)
      return { ok: true, value: result }
    } catch (error) {
      return { ok: false, error }
    }
  })
  return { settled, writes: running.writes() }
}

/** The wallet as it is after the steps so far, and the sum of their writes. */
class RunningState implements Facts {
  readonly now: number
  readonly at: number
  readonly due: readonly Spend[]
  head: Head
  readonly #reads: BatchReads
  readonly #counters: ReadonlyMap<string, Use>
  readonly #history: readonly Spend[]
  readonly #byId = new Map<string, Spend>()
  readonly #byKey = new Map<string, Spend>()
  readonly #changed = new Map<string, Spend>()
  readonly #texts = new Map<string, SpendTexts>()
  readonly #added = new Map<string, Use>()
  #events: EventRow[] = []
  readonly #mandates = new Map<string, MandateRow>()
  readonly #dropped: string[] = []
  #capRemarks: number | undefined
  #redacts: readonly string[] | undefined
  #wallet: WalletRow | undefined

  constructor(head: Head, reads: BatchReads, loaded: Loaded, now: number) {
    this.head = head
    this.at = batchTime(head, now)
    this.now = now
    this.#reads = reads
    this.due = loaded.due
    this.#counters = loaded.counters
    this.#history = loaded.history
    for (const spend of [...loaded.due, ...loaded.listed]) this.#index(spend)
    for (const spend of loaded.spends) this.#index(spend)
  }

  spend(id: string): Spend | undefined {
    return this.#byId.get(id)
  }

  spendByKey(key: string): Spend | undefined {
    requireDeclared(this.#reads.keys.has(key), key)
    return this.#byKey.get(key)
  }

  use(counter: string): Use {
    const { counters, prefixes } = this.#reads
    const declared = counters.has(counter) || [...prefixes].some((prefix) => counter.startsWith(prefix))
    requireDeclared(declared, counter)
    const stored = this.#counters.get(counter) ?? noUse
    const added = this.#added.get(counter)
    return added === undefined ? stored : sum(stored, added)
  }

  countersUnder(prefix: string): ReadonlyMap<string, Use> {
    requireDeclared(this.#reads.prefixes.has(prefix), prefix)
    const keys = new Set(
      [...this.#counters.keys(), ...this.#added.keys()].filter((key) => key.startsWith(prefix)),
    )
    return new Map([...keys].map((key) => [key, this.use(key)]))
  }

  listed(list: SpendList): readonly Spend[] {
    requireDeclared(this.#reads.lists.has(list), list)
    return [...this.#byId.values()].filter((spend) => listOf(spend) === list)
  }

  history(): Iterable<Spend> {
    requireDeclared(this.#reads.history, "history")
    return this.#history.map((spend) => this.#changed.get(spend.id) ?? spend)
  }

  apply(writes: Writes): void {
    if (writes.redacts !== undefined)
      this.#events = this.#events.map((event) => redacted(event, writes.redacts ?? []))
    for (const event of writes.events) this.#events.push(event)
    for (const spend of writes.spends) {
      this.#changed.set(spend.id, spend)
      this.#index(spend)
    }
    for (const [id, texts] of writes.texts) this.#texts.set(id, texts)
    for (const prefix of writes.dropCounters) {
      for (const key of this.#added.keys()) if (key.startsWith(prefix)) this.#added.delete(key)
    }
    for (const [key, use] of writes.counters) this.#added.set(key, sum(this.#added.get(key) ?? noUse, use))
    for (const row of writes.mandates) this.#mandates.set(row.agent, row)
    this.#dropped.push(...writes.dropCounters)
    this.#capRemarks = writes.capRemarks ?? this.#capRemarks
    if (writes.redacts !== undefined) this.#redacts = [...(this.#redacts ?? []), ...writes.redacts]
    this.#wallet = writes.wallet
    const mandates =
      writes.mandates.length === 0 ? this.head.mandates : new Map([...this.head.mandates, ...this.#mandates])
    this.head = { id: this.head.id, wallet: writes.wallet, mandates }
  }

  writes(): Writes | undefined {
    if (this.#wallet === undefined) return undefined
    return {
      wallet: this.#wallet,
      events: this.#events,
      spends: freedKeysFirst([...this.#changed.values()]),
      texts: this.#texts,
      counters: this.#added,
      mandates: [...this.#mandates.values()],
      dropCounters: this.#dropped,
      capRemarks: this.#capRemarks,
      redacts: this.#redacts,
    }
  }

  #index(spend: Spend): void {
    const before = this.#byId.get(spend.id)
    if (before?.key !== undefined && spend.key === undefined) this.#byKey.delete(before.key)
    this.#byId.set(spend.id, spend)
    if (spend.key !== undefined) this.#byKey.set(spend.key, spend)
  }
}

/** The event without its remark, where it is about one of these decisions. */
export function redacted(event: EventRow, decisions: readonly string[]): EventRow {
  const { remark, ...rest } = event
  if (remark === undefined) return event
  const { data } = JSON.parse(event.body) as { readonly data: { readonly decision?: string } }
  return decisions.includes(data.decision ?? "") ? rest : event
}

/** A key that moved is free before it is taken. */
function freedKeysFirst(spends: readonly Spend[]): readonly Spend[] {
  return [...spends.filter(({ key }) => key === undefined), ...spends.filter(({ key }) => key !== undefined)]
}

export function sum(left: Use, right: Use): Use {
  return { held: left.held + right.held, settled: left.settled + right.settled }
}

/** A counter that was not loaded is not zero, a key that was not looked up is not new, no history is not an empty one. */
function requireDeclared(declared: boolean, name: string): void {
  if (declared) return
  const remedy = "Declare it in the step's reads."
  throw new NornrError("unsupported", `A step used ${JSON.stringify(name)}, which it did not declare.`, {
    remedy,
  })
}
