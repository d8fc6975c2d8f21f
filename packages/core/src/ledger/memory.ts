import { NornrError } from "../error/nornr-error.ts"
import type { Use } from "../spend/counters.ts"
import { listOf } from "../spend/spend.ts"
import { onRealMicrotask } from "../time/real-timer.ts"
import {
  type BatchReads,
  batchTime,
  type Loaded,
  readsOf,
  redacted,
  runBatch,
  runByWallet,
  sum,
} from "./batch.ts"
import type { Head, Ledger, Step, Writes } from "./ledger.ts"
import { MemoryTree, memorySnapshot, type WalletState } from "./memory-snapshot.ts"

/** A ledger in memory, for tests: everything but durable. It lives as long as the object. */
export function memoryLedger(): Ledger {
  const states = new Map<string, WalletState>()
  const tree = new MemoryTree()
  const listeners = new Set<() => void>()
  let closed = false

  const state = (wallet: string): WalletState => states.get(wallet) ?? emptyState()
  const run = (wallet: string, steps: readonly Step<unknown>[], now: number) => {
    const current = state(wallet)
    const head: Head = { id: wallet, wallet: current.wallet, mandates: current.mandates }
    const at = batchTime(head, now)
    const reads = readsOf(steps, head, at)
    return runBatch(steps, head, reads, load(current, reads), now)
  }
  const open = () => {
    if (closed) throw new NornrError("ledger_closed", "The ledger was closed.", { remedy: "Open it again." })
  }

  return {
    name: "memory:",
    secret: globalThis.crypto.getRandomValues(new Uint8Array(32)),
    async commit(entries, clock) {
      open()
      const now = clock()
      return runByWallet(entries, (wallet, steps) => {
        const result = run(wallet, steps, now)
        if (result.writes === undefined) return result.settled
        apply(stateOf(states, wallet), result.writes)
        for (const listener of listeners) onRealMicrotask(listener)
        return result.settled
      })
    },
    async read(entries, clock) {
      open()
      return runByWallet(entries, (wallet, steps) => run(wallet, steps, clock()).settled)
    },
    async forget(now) {
      open()
      for (const each of states.values()) forgetTexts(each, now)
      return false
    },
    async events(wallet, from, limit) {
      open()
      return state(wallet).events.slice(from - 1, from - 1 + limit)
    },
    async wallets() {
      open()
      return [...states.keys()].sort()
    },
    watch(listener) {
      const own = () => listener()
      listeners.add(own)
      return () => listeners.delete(own)
    },
    async snapshot() {
      open()
      return memorySnapshot(states, tree)
    },
    async growTree(size, growth) {
      open()
      return tree.grow(size, growth)
    },
    async keepCheckpoint(checkpoint) {
      open()
      tree.checkpoint = checkpoint
    },
    async close() {
      closed = true
      listeners.clear()
    },
  }
}

function stateOf(states: Map<string, WalletState>, wallet: string): WalletState {
  const state = states.get(wallet) ?? emptyState()
  states.set(wallet, state)
  return state
}

function emptyState(): WalletState {
  return {
    wallet: undefined,
    mandates: new Map(),
    events: [],
    spends: new Map(),
    byKey: new Map(),
    counters: new Map(),
    timed: new Map(),
  }
}

function load(state: WalletState, reads: BatchReads): Loaded {
  const spends = [
    ...[...reads.ids].map((id) => state.spends.get(id)),
    ...[...reads.keys].map((key) => state.byKey.get(key)),
  ].filter((spend) => spend !== undefined)
  const counters = new Map<string, Use>()
  for (const key of reads.counters) copyCounter(state.counters, key, counters)
  for (const prefix of reads.prefixes) {
    for (const key of state.counters.keys())
      if (key.startsWith(prefix)) copyCounter(state.counters, key, counters)
  }
  const due = [...state.timed.values()].filter(
    (spend) => (spend.due ?? Number.POSITIVE_INFINITY) <= reads.dueBy,
  )
  const candidates = reads.lists.size === 0 ? [] : [...state.spends.values()]
  const listed = candidates.filter((spend) => {
    const list = listOf(spend)
    return list !== undefined && reads.lists.has(list)
  })
  return { spends, counters, due, listed, history: reads.history ? [...state.spends.values()] : [] }
}

function forgetTexts(state: WalletState, now: number): void {
  for (const [id, { texts, forgetAt, ...spend }] of state.spends) {
    if (forgetAt === undefined || forgetAt > now) continue
    state.spends.set(id, spend)
    if (spend.key !== undefined) state.byKey.set(spend.key, spend)
  }
  for (const [index, { remark, ...event }] of state.events.entries()) {
    if (remark !== undefined && remark.until <= now) state.events[index] = event
  }
}

function copyCounter(from: ReadonlyMap<string, Use>, key: string, to: Map<string, Use>): void {
  const use = from.get(key)
  if (use !== undefined) to.set(key, use)
}

function capRemarks(state: WalletState, latest: number): void {
  for (const [index, { remark, ...event }] of state.events.entries()) {
    if (remark === undefined) continue
    const until = Math.min(remark.until, latest)
    state.events[index] = { ...event, remark: { ...remark, until } }
  }
}

function apply(state: WalletState, writes: Writes): void {
  state.wallet = writes.wallet
  if (writes.redacts !== undefined) {
    for (const [index, event] of state.events.entries()) state.events[index] = redacted(event, writes.redacts)
  }
  state.events.push(...writes.events)
  for (const spend of writes.spends) {
    const before = state.spends.get(spend.id)
    state.spends.set(spend.id, spend)
    if (before?.key !== undefined && spend.key === undefined) state.byKey.delete(before.key)
    if (spend.key !== undefined) state.byKey.set(spend.key, spend)
    if (spend.due === undefined) state.timed.delete(spend.id)
    else state.timed.set(spend.id, spend)
  }
  if (writes.capRemarks !== undefined) capRemarks(state, writes.capRemarks)
  for (const prefix of writes.dropCounters) {
    for (const key of state.counters.keys()) if (key.startsWith(prefix)) state.counters.delete(key)
  }
  for (const [key, use] of writes.counters) {
    state.counters.set(key, sum(state.counters.get(key) ?? { held: 0n, settled: 0n }, use))
  }
  if (writes.mandates.length === 0) return
  state.mandates = new Map([...state.mandates, ...writes.mandates.map((row) => [row.agent, row] as const)])
}
