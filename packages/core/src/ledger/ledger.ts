import type { Control } from "../policy/decide.ts"
import type { Use } from "../spend/counters.ts"
import type { Spend, SpendList, SpendTexts } from "../spend/spend.ts"
import type { Disclosure } from "../trail/digest.ts"

/**
 * The store under an embedded control plane: memory, SQLite, PostgreSQL. A ledger decides nothing. It loads
 * what a step reads, runs the step's pure work and writes what it gives, atomically and durably, or nothing.
 * `@nornr/core/contracts` has the suite that every ledger passes.
 */
export interface Ledger {
  /** For people: a path, or `memory:`. */
  readonly name: string
  /** 32 random bytes made with the ledger, for keyed digests. */
  readonly secret: Uint8Array
  /**
   * Runs the steps in order, all steps of a wallet against one running state, and commits what they wrote in
   * one durable commit. A step whose work throws writes nothing and fails alone; where the commit itself
   * fails, the call rejects and nothing is written. `clock` replaces the ledger's own; it may be read again
   * when a commit is retried.
   */
  commit(entries: readonly Entry[], clock: () => number): Promise<readonly Settled[]>
  /** As `commit`, against a consistent snapshot, and writes nothing, whatever the steps give. */
  read(entries: readonly Entry[], clock: () => number): Promise<readonly Settled[]>
  /** Events of a wallet with positions from `from` on, in order, at most `limit`. */
  events(wallet: string, from: number, limit: number): Promise<readonly EventRow[]>
  /** The ids of all wallets, sorted. */
  wallets(): Promise<readonly string[]>
  /**
   * Deletes the texts of spends and events whose time has come by `now`, for good: nothing of them stays in the
   * store. Gives whether there may be more, or something that could not be wiped out yet.
   */
  forget(now: number): Promise<boolean>
  /**
   * Calls the listener soon after anyone, here or in another process, has committed. Returns the stop. An idle
   * listener does not keep the process alive.
   */
  watch(listener: () => void, options?: { readonly idle?: boolean }): () => void
  /** Everything as of one commit, to be read at length while others write. */
  snapshot(): Promise<Snapshot>
  /**
   * Puts leaves behind those of a tree of `size` leaves, atomically; gives false, and writes nothing, where the tree
   * has another size by now.
   */
  growTree(size: number, growth: TreeGrowth): Promise<boolean>
  /** Keeps a signed checkpoint in place of the one before. */
  keepCheckpoint(checkpoint: CheckpointRow): Promise<void>
  close(): Promise<void>
}

/** A ledger as of one commit. Numbers of leaves and positions are below 2^53. */
export interface Snapshot {
  wallets(): Promise<readonly string[]>
  head(wallet: string): Promise<Head>
  events(wallet: string, from: number, limit: number): Promise<readonly EventRow[]>
  /** Every spend of the wallet, with its texts, in the order of their asks. */
  spends(wallet: string): AsyncIterable<StoredSpend>
  spend(id: string): Promise<{ readonly wallet: string; readonly spend: Spend } | undefined>
  counters(wallet: string): Promise<ReadonlyMap<string, Use>>
  /** How many leaves the tree over all events has. */
  treeSize(): Promise<number>
  /** Runs of leaves, in their order, from the one that holds the leaf `from` on. */
  runs(from: number, limit: number): Promise<readonly LeafRun[]>
  /** The run that holds the leaf of an event. */
  runOf(wallet: string, seq: number): Promise<LeafRun | undefined>
  /** Events that are no leaves yet, at most `limit` wallets: what follows their last leaf. */
  unlogged(limit: number): Promise<readonly Omit<LeafRun, "first">[]>
  /** The stored hashes of a tile, 32 bytes each; empty where there is none. */
  tile(level: number, index: number): Promise<Uint8Array>
  /** The checkpoint that is kept. */
  checkpoint(): Promise<CheckpointRow | undefined>
  close(): Promise<void>
}

/** A spend as it lies in the store. */
export interface StoredSpend {
  readonly id: string
  /** @throws {NornrError} `ledger_corrupt` where it is damaged */
  read(): Spend
}

/** Leaves side by side in the tree that are events side by side in a wallet. */
export interface LeafRun {
  /** The place of the first leaf in the tree, from 0. */
  readonly first: number
  readonly wallet: string
  /** The position of the first event. */
  readonly seq: number
  readonly count: number
}

export interface TreeGrowth {
  /** The size after it. */
  readonly size: number
  readonly runs: readonly LeafRun[]
  readonly tiles: readonly Tile[]
}

/** Up to 256 hashes of complete subtrees of 256^level leaves each, side by side (C2SP tlog-tiles). */
export interface Tile {
  readonly level: number
  readonly index: number
  readonly hashes: Uint8Array
}

export interface CheckpointRow {
  readonly size: number
  /** The signed note. */
  readonly note: string
  /** When it was signed, milliseconds UTC. */
  readonly at: number
}

export interface Entry {
  readonly wallet: string
  readonly step: Step<unknown>
}

export type Settled =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: unknown }

/** One change to a wallet. Both functions are pure, run inside the commit and may be called more than once. */
export interface Step<R> {
  /** What `work` will look at; facts that were not declared here are not there. */
  reads(head: Head, at: number): Reads
  /** The writes and the answer. Throws to fail this step alone. */
  work(facts: Facts): { readonly writes?: Writes; readonly result: R }
  /** Changes a mandate or a control, on which the reads of others depend: it is alone in its commit. */
  readonly alone?: boolean
}

export interface Reads {
  readonly ids?: readonly string[]
  readonly keys?: readonly string[]
  readonly counters?: readonly string[]
  /** Counters whose keys begin so; for reading, not for deciding. */
  readonly prefixes?: readonly string[]
  /** Spends that are due at or before this instant. */
  readonly dueBy?: number
  /** Spends that are on these lists, with their texts. */
  readonly lists?: readonly SpendList[]
  /** Every spend of the wallet; for rebuilding and verifying. */
  readonly history?: boolean
}

export interface Facts {
  /** The clock, milliseconds UTC. */
  readonly now: number
  /** The time of what happens now: the clock, but never before the wallet's last event. */
  readonly at: number
  readonly head: Head
  readonly due: readonly Spend[]
  spend(id: string): Spend | undefined
  spendByKey(key: string): Spend | undefined
  use(counter: string): Use
  countersUnder(prefix: string): ReadonlyMap<string, Use>
  listed(list: SpendList): readonly Spend[]
  history(): Iterable<Spend>
}

export interface Head {
  /** The wallet's id, also where there is none yet. */
  readonly id: string
  readonly wallet: WalletRow | undefined
  /** Current mandates and controls: of the wallet under the empty name, of agents under theirs. */
  readonly mandates: ReadonlyMap<string, MandateRow>
}

export interface WalletRow {
  readonly id: string
  readonly currency: string
  /** Position and hash of the last event. */
  readonly seq: number
  readonly hash: string
  /** Time of the last event, milliseconds UTC. */
  readonly lastAt: number
  readonly pending: number
  /** Rises with every change of a mandate or control. */
  readonly epoch: number
}

export interface MandateRow {
  /** Empty for the wallet. */
  readonly agent: string
  /** 0 where only a control is set. */
  readonly version: number
  readonly hash: string
  /** RFC 8785 text of the mandate. */
  readonly body: string
  /** The reviewer who made this version; undefined where code did. */
  readonly reviewer?: string
  readonly setAt: number
  /** The `version` that code gave with its terms; 0 without one. */
  readonly codeVersion: number
  readonly control?: Control
}

export interface EventRow {
  readonly wallet: string
  readonly seq: number
  readonly hash: string
  /** RFC 8785 text of the event without its hash. */
  readonly body: string
  /** What a reviewer said; the event has its digest. Kept apart, so that it can be deleted. */
  readonly remark?: Remark
}

export interface Remark extends Disclosure {
  /** When it is deleted, milliseconds UTC. */
  readonly until: number
}

export interface Writes {
  readonly wallet: WalletRow
  readonly events: readonly EventRow[]
  readonly spends: readonly Spend[]
  /** Texts of spends that are new; kept apart from the spends, so that they can be deleted. */
  readonly texts: ReadonlyMap<string, SpendTexts>
  /** What is added to counters. */
  readonly counters: ReadonlyMap<string, Use>
  readonly mandates: readonly MandateRow[]
  /** Prefixes of counters that are deleted before anything is added. */
  readonly dropCounters: readonly string[]
  /** Remarks of the wallet that would be deleted after this instant are deleted then. */
  readonly capRemarks?: number | undefined
  /**
   * Decisions whose remarks are deleted, of all events before those of these writes; nothing that is deleted with these
   * writes may stay in the store.
   */
  readonly redacts?: readonly string[] | undefined
}
