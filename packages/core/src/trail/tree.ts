import { NornrError } from "../error/nornr-error.ts"
import type { EventRow, LeafRun, Ledger, Snapshot, Tile, TreeGrowth } from "../ledger/ledger.ts"
import { othersTurn } from "../time/real-timer.ts"
import { bytesOfHash, equalBytes, joinBytes } from "./bytes.ts"
import { Frontier, leafHash, nodeHash, type Subtrees } from "./merkle.ts"

/** The tree over all events of a ledger, kept as tiles of 256 hashes (C2SP tlog-tiles), out of band. */

const width = 256
const hashLength = 32

/** How many leaves one commit adds: it holds up decisions for less than they take themselves. */
const atOnce = 512
const page = 512

/**
 * Puts every event that is no leaf yet into the tree, a wallet's in their order, and gives its size. Whatever other
 * processes do meanwhile: of several, each goes on where another was first.
 * @throws {NornrError} `ledger_*`
 */
export async function growTree(ledger: Ledger): Promise<number> {
  for (;;) {
    const snapshot = await ledger.snapshot()
    try {
      const size = await snapshot.treeSize()
      const growth = await nextGrowth(snapshot, size)
      if (growth === undefined) return size
      await ledger.growTree(size, growth)
    } finally {
      await snapshot.close()
    }
    await othersTurn()
  }
}

async function nextGrowth(snapshot: Snapshot, size: number): Promise<TreeGrowth | undefined> {
  const writer = new TileWriter(snapshot, size)
  const runs: LeafRun[] = []
  for (const { wallet, seq, count } of await snapshot.unlogged(512)) {
    const first = writer.size
    const added = await addLeaves(writer, snapshot, {
      wallet,
      seq,
      count: Math.min(count, atOnce + size - first),
    })
    if (added > 0) runs.push({ first, wallet, seq, count: added })
    if (writer.size - size >= atOnce) break
  }
  return runs.length === 0
    ? undefined
    : { size: writer.size, runs, tiles: [...writer.full(), ...writer.begun()] }
}

async function addLeaves(
  writer: TileWriter,
  snapshot: Snapshot,
  { wallet, seq, count }: Omit<LeafRun, "first">,
): Promise<number> {
  for (let added = 0; added < count; ) {
    const rows = await snapshot.events(wallet, seq + added, Math.min(page, count - added))
    if (rows.length === 0) return added // its tail is gone: verification says so
    for (const row of rows) await writer.add(leafOf(row))
    added += rows.length
  }
  return count
}

/** @throws {NornrError} `ledger_corrupt` */
function leafOf({ wallet, seq, hash }: Pick<EventRow, "wallet" | "seq" | "hash">): Uint8Array {
  const bytes = bytesOfHash(hash)
  if (bytes !== undefined) return leafHash(bytes)
  const problem = `Event ${seq} of wallet ${JSON.stringify(wallet)} has no hash.`
  throw new NornrError("ledger_corrupt", problem, { remedy: "Run `nornr verify`; restore a backup." })
}

/** Adds leaves behind those of a tree, and gives every tile that this fills or begins. */
class TileWriter {
  size: number
  readonly #before: number
  readonly #stored: Pick<Snapshot, "tile">
  readonly #open = new Map<number, { index: number; hashes: Uint8Array[] }>()
  #full: Tile[] = []

  constructor(stored: Pick<Snapshot, "tile">, size: number) {
    this.#stored = stored
    this.#before = size
    this.size = size
  }

  async add(leaf: Uint8Array): Promise<void> {
    this.size++
    await this.#push(0, leaf)
  }

  /** The tiles that were filled since this was asked for. */
  full(): readonly Tile[] {
    const full = this.#full
    this.#full = []
    return full
  }

  /** Those that have begun and are not full. */
  begun(): readonly Tile[] {
    return [...this.#open].flatMap(([level, { index, hashes }]) =>
      hashes.length === 0 ? [] : [{ level, index, hashes: joinBytes(hashes) }],
    )
  }

  async #push(level: number, hash: Uint8Array): Promise<void> {
    const tile = this.#open.get(level) ?? (await this.#load(level))
    this.#open.set(level, tile)
    tile.hashes.push(hash)
    if (tile.hashes.length < width) return
    this.#full.push({ level, index: tile.index, hashes: joinBytes(tile.hashes) })
    const root = fold(tile.hashes)
    this.#open.set(level, { index: tile.index + 1, hashes: [] })
    await this.#push(level + 1, root)
  }

  async #load(level: number): Promise<{ index: number; hashes: Uint8Array[] }> {
    const count = Math.floor(this.#before / width ** level)
    const index = Math.floor(count / width)
    const stored = count % width === 0 ? new Uint8Array() : await this.#stored.tile(level, index)
    const hashes = Array.from({ length: count % width }, (_, place) => hashAt(stored, place))
    return { index, hashes }
  }
}

/** The tree as its events make it. */
export interface Recomputed {
  /** At the sizes that were asked for. */
  readonly roots: ReadonlyMap<number, Uint8Array>
  /** Whether every tile that is stored is one of it. */
  readonly isStored: boolean
}

/**
 * Computes the tree anew from the events and compares every tile that is stored.
 * @throws {NornrError} `ledger_corrupt` where there are not the events for its leaves
 */
export async function recomputeTree(snapshot: Snapshot, sizes: ReadonlySet<number>): Promise<Recomputed> {
  const size = await snapshot.treeSize()
  const writer = new TileWriter({ tile: async () => new Uint8Array() }, 0)
  const frontier = new Frontier()
  const roots = new Map<number, Uint8Array>(sizes.has(0) ? [[0, frontier.root()]] : [])
  const next = new Map<string, number>()
  let isStored = true
  for await (const event of eventsInTree(snapshot, size)) {
    const expected = next.get(event.wallet) ?? 1
    if (event.seq !== expected) {
      throw damaged(`has event ${event.seq} of wallet ${event.wallet} where ${expected} belongs`)
    }
    next.set(event.wallet, expected + 1)
    const leaf = leafOf(event)
    await writer.add(leaf)
    frontier.add(leaf)
    if (sizes.has(frontier.size)) roots.set(frontier.size, frontier.root())
    for (const tile of writer.full()) isStored &&= await isStoredTile(snapshot, tile)
  }
  if (frontier.size !== size)
    throw damaged(`has ${size} leaves, and there are ${frontier.size} events for them`)
  for (const tile of writer.begun()) isStored &&= await isStoredTile(snapshot, tile)
  return { roots, isStored }
}

async function isStoredTile(snapshot: Snapshot, { level, index, hashes }: Tile): Promise<boolean> {
  return equalBytes(await snapshot.tile(level, index), hashes)
}

/** The subtrees of the tree that a snapshot holds. */
export function subtreesOf(snapshot: Pick<Snapshot, "tile">): Subtrees {
  const known = new Map<string, Uint8Array>()
  const tile = async (level: number, index: number) => {
    const name = `${level}/${index}`
    const found = known.get(name) ?? (await snapshot.tile(level, index))
    known.set(name, found)
    return found
  }
  return async (first, count) => {
    const level = Math.floor(Math.log2(count) / 8)
    const entry = first / width ** level
    const stored = await tile(level, Math.floor(entry / width))
    const hashes = Array.from({ length: count / width ** level }, (_, place) =>
      hashAt(stored, (entry % width) + place),
    )
    return fold(hashes)
  }
}

/** The root of a power of two of hashes. */
function fold(hashes: readonly Uint8Array[]): Uint8Array {
  let level = hashes
  while (level.length > 1) {
    level = Array.from({ length: level.length / 2 }, (_, index) =>
      nodeHash(level[index * 2] as Uint8Array, level[index * 2 + 1] as Uint8Array),
    )
  }
  return level[0] as Uint8Array
}

/** @throws {NornrError} `ledger_corrupt` where the tile ends before it */
function hashAt(tile: Uint8Array, place: number): Uint8Array {
  const hash = tile.slice(place * hashLength, (place + 1) * hashLength)
  if (hash.length === hashLength) return hash
  throw damaged("is damaged")
}

function damaged(what: string): NornrError {
  const remedy = "Keep the file as it is, run `nornr verify`, and restore a backup."
  return new NornrError("ledger_corrupt", `The stored tree ${what}.`, { remedy })
}

/**
 * Every leaf's event up to a size, in the order of the tree.
 * @throws {NornrError} `ledger_corrupt` where its runs do not follow each other
 */
export async function* eventsInTree(snapshot: Snapshot, size: number): AsyncGenerator<EventRow> {
  for (let next = 0; next < size; ) {
    const runs = await snapshot.runs(next, 100)
    if (runs.length === 0) return
    for (const run of runs) {
      if (run.first !== next || run.count < 1 || run.seq < 1)
        throw damaged("has runs that do not follow each other")
      const end = Math.min(run.first + run.count, size)
      yield* eventsOfRun(snapshot, run, end - run.first)
      next = end
      if (next === size) return
    }
  }
}

async function* eventsOfRun(
  snapshot: Snapshot,
  { wallet, seq }: LeafRun,
  count: number,
): AsyncGenerator<EventRow> {
  for (let read = 0; read < count; ) {
    const rows = await snapshot.events(wallet, seq + read, Math.min(page, count - read))
    for (const row of rows) if (row.seq < seq + count) yield row
    if (rows.length === 0) return
    read = (rows.at(-1)?.seq ?? 0) - seq + 1
    await othersTurn()
  }
}

/** The place of an event's leaf in the tree; undefined where it has none yet. */
export async function leafIndex(
  snapshot: Pick<Snapshot, "runOf">,
  wallet: string,
  seq: number,
): Promise<number | undefined> {
  const run = await snapshot.runOf(wallet, seq)
  return run === undefined ? undefined : run.first + seq - run.seq
}

/** A wallet's event in the tree. */
export interface Anchor {
  readonly seq: number
  readonly index: number
}

/** The last event of a wallet in the tree of a checkpoint: the chain leads from it to all before it. */
export async function anchorOf(
  snapshot: Pick<Snapshot, "head" | "runOf">,
  owner: string,
  size: number,
): Promise<Anchor | undefined> {
  let [low, high] = [0, (await snapshot.head(owner)).wallet?.seq ?? 0]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const index = await leafIndex(snapshot, owner, middle)
    if (index !== undefined && index < size) low = middle
    else high = middle - 1
  }
  const index = low === 0 ? undefined : await leafIndex(snapshot, owner, low)
  return index === undefined ? undefined : { seq: low, index }
}
