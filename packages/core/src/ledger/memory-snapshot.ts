import type { Use } from "../spend/counters.ts"
import type { Spend } from "../spend/spend.ts"
import type {
  CheckpointRow,
  EventRow,
  LeafRun,
  MandateRow,
  Snapshot,
  TreeGrowth,
  WalletRow,
} from "./ledger.ts"

export interface WalletState {
  wallet: WalletRow | undefined
  mandates: ReadonlyMap<string, MandateRow>
  readonly events: EventRow[]
  readonly spends: Map<string, Spend>
  readonly byKey: Map<string, Spend>
  readonly counters: Map<string, Use>
  /** Spends that expire or lapse by themselves. */
  readonly timed: Map<string, Spend>
}

/** The tree over all events, in memory. */
export class MemoryTree {
  readonly #runs: LeafRun[]
  readonly #tiles: Map<string, Uint8Array>
  checkpoint: CheckpointRow | undefined
  readonly #logged: Map<string, number>

  constructor(from?: MemoryTree) {
    this.#runs = [...(from === undefined ? [] : from.#runs)]
    this.#tiles = new Map(from === undefined ? [] : from.#tiles)
    this.checkpoint = from?.checkpoint
    this.#logged = new Map(from === undefined ? [] : from.#logged)
  }

  get size(): number {
    const last = this.#runs.at(-1)
    return last === undefined ? 0 : last.first + last.count
  }

  grow(size: number, { runs, tiles }: TreeGrowth): boolean {
    if (this.size !== size) return false
    this.#runs.push(...runs)
    for (const { wallet, seq, count } of runs) this.#logged.set(wallet, seq + count - 1)
    for (const { level, index, hashes } of tiles) this.#tiles.set(`${level}/${index}`, hashes)
    return true
  }

  runs(from: number, limit: number): readonly LeafRun[] {
    return this.#runs.filter(({ first, count }) => first + count > from).slice(0, limit)
  }

  runOf(wallet: string, position: number): LeafRun | undefined {
    const holds = ({ seq, count }: LeafRun) => seq <= position && position < seq + count
    return this.#runs.find((run) => run.wallet === wallet && holds(run))
  }

  logged(wallet: string): number {
    return this.#logged.get(wallet) ?? 0
  }

  tile(level: number, index: number): Uint8Array {
    return this.#tiles.get(`${level}/${index}`) ?? new Uint8Array()
  }
}

export function memorySnapshot(states: ReadonlyMap<string, WalletState>, now: MemoryTree): Snapshot {
  const tree = new MemoryTree(now)
  const kept = new Map(
    [...states].map(([id, { wallet, mandates, events, spends, counters }]) => [
      id,
      { wallet, mandates, events: [...events], spends: new Map(spends), counters: new Map(counters) },
    ]),
  )
  const names = [...kept.keys()].sort()
  return {
    wallets: async () => names,
    async head(id) {
      const { wallet, mandates } = kept.get(id) ?? { wallet: undefined, mandates: new Map() }
      return { id, wallet, mandates }
    },
    events: async (id, from, limit) => kept.get(id)?.events.slice(from - 1, from - 1 + limit) ?? [],
    async *spends(id) {
      for (const spend of kept.get(id)?.spends.values() ?? []) yield { id: spend.id, read: () => spend }
    },
    async spend(id) {
      for (const [wallet, { spends }] of kept) {
        const spend = spends.get(id)
        if (spend !== undefined) return { wallet, spend }
      }
      return undefined
    },
    counters: async (id) => kept.get(id)?.counters ?? new Map(),
    treeSize: async () => tree.size,
    runs: async (from, limit) => tree.runs(from, limit),
    runOf: async (wallet, seq) => tree.runOf(wallet, seq),
    async unlogged(limit) {
      const behind = names.map((wallet) => {
        const logged = tree.logged(wallet)
        return { wallet, seq: logged + 1, count: (kept.get(wallet)?.wallet?.seq ?? 0) - logged }
      })
      return behind.filter(({ count }) => count > 0).slice(0, limit)
    },
    tile: async (level, index) => tree.tile(level, index),
    checkpoint: async () => tree.checkpoint,
    close: async () => undefined,
  }
}
