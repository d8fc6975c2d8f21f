import assert from "node:assert/strict"
import { AuditDesk } from "../audit/audit-desk.ts"
import type { Ledger } from "../ledger/ledger.ts"
import { emptyRoot, rootOf } from "../trail/merkle.ts"
import { newCheckpointKey, privateKeyText, publicKeyText } from "../trail/note.ts"
import { eventsInTree, growTree, recomputeTree, subtreesOf } from "../trail/tree.ts"
import { Wallet } from "../wallet/wallet.ts"
import type { LedgerStore } from "./ledger-contract.ts"

const owners = ["b", "a", "c"] as const

async function walletsOn(ledger: Ledger): Promise<readonly Wallet[]> {
  return Promise.all(owners.map((owner) => Wallet.create({ owner, dailyLimit: 1000, ledger })))
}

async function spend(wallets: readonly Wallet[], times: number): Promise<void> {
  const asks = Array.from({ length: times }, (_, index) =>
    (wallets[index % wallets.length] as Wallet).pay({ amount: "0.01", to: "openai" }),
  )
  await Promise.all(asks)
}

/** The tree has every event once, a wallet's in their order, and its tiles are those of the events. */
async function requireWhole(ledger: Ledger): Promise<number> {
  const snapshot = await ledger.snapshot()
  const size = await snapshot.treeSize()
  const next = new Map<string, number>()
  for await (const { wallet, seq } of eventsInTree(snapshot, size)) {
    assert.equal(seq, (next.get(wallet) ?? 0) + 1)
    next.set(wallet, seq)
  }
  for (const owner of await snapshot.wallets()) {
    assert.equal(next.get(owner), (await snapshot.head(owner)).wallet?.seq)
  }
  const { roots, isStored } = await recomputeTree(snapshot, new Set([size]))
  assert(isStored)
  assert.deepEqual(roots.get(size), await rootOf(subtreesOf(snapshot), 0, size))
  await snapshot.close()
  return size
}

/** What a ledger promises of snapshots and of the tree over all events. */
export const treeScenarios: Readonly<Record<string, (store: LedgerStore) => Promise<void>>> = {
  async "reads a snapshot as of one commit, whatever is committed meanwhile"(store) {
    const [here, there] = [await store.open(), await store.open()]
    const [wallet] = await walletsOn(here)
    assert(wallet !== undefined)
    const { id } = await wallet.pay({ amount: 1, to: "openai" })
    const snapshot = await there.snapshot()
    await wallet.settle(id, "0.5")
    await wallet.pay({ amount: 1, to: "openai" })
    assert.equal((await snapshot.head("b")).wallet?.seq, 2)
    assert.deepEqual(
      (await snapshot.events("b", 1, 10)).map(({ seq }) => seq),
      [1, 2],
    )
    const states: string[] = []
    for await (const stored of snapshot.spends("b")) states.push(stored.read().state)
    assert.deepEqual(states, ["approved"])
    assert.equal((await snapshot.spend(id))?.wallet, "b")
    assert.equal(await snapshot.spend("dec_none"), undefined)
    assert.deepEqual(await snapshot.wallets(), ["a", "b", "c"])
    const [use] = [...(await snapshot.counters("b")).values()]
    assert.deepEqual([use?.held, use?.settled], [1_000_000n, 0n])
    await snapshot.close()
    await snapshot.close()
  },

  async "puts every event into the tree once, in order, whoever grows it at the same time"(store) {
    const [here, there] = [await store.open(), await store.open()]
    const wallets = await walletsOn(here)
    for (let round = 0; round < 4; round++) {
      await Promise.all([spend(wallets, 200), growTree(here), growTree(there), growTree(there)])
    }
    assert.equal(await growTree(here), 803)
    assert.equal(await requireWhole(there), 803)
  },

  async "adds no leaves to a tree of another size"(store) {
    const ledger = await store.open()
    await walletsOn(ledger)
    const size = await growTree(ledger)
    const growth = { size: 99, runs: [{ first: 0, wallet: "a", seq: 1, count: 99 }], tiles: [] }
    assert.equal(await ledger.growTree(size - 1, growth), false)
    assert.equal(await requireWhole(ledger), size)
  },

  async "keeps the last checkpoint, and proves what is under it"(store) {
    const [here, there] = [await store.open(), await store.open()]
    const [wallet] = await walletsOn(here)
    const key = newCheckpointKey("contract.example/spend")
    const audit = await AuditDesk.open({ ledger: there })
    assert.equal(await audit.lastCheckpoint(), undefined)
    const decision = await wallet?.pay({ amount: 1, to: "openai" })
    await audit.checkpoint({ key: privateKeyText(key) })
    const { note, size } = await audit.checkpoint({ key: privateKeyText(key) })
    assert.equal((await audit.lastCheckpoint())?.note, note)
    const report = await audit.verify({ keys: [publicKeyText(key)], checkpoints: [note] })
    assert(report.ok, report.ok ? "" : report.message)
    assert.equal(report.covered?.size, size)
    assert.equal((await audit.packet(decision?.id ?? "")).proof?.leaves.length, 2)
  },

  async "has an empty tree before anything is in it"(store) {
    const ledger = await store.open()
    assert.equal(await growTree(ledger), 0)
    const snapshot = await ledger.snapshot()
    assert.deepEqual(await rootOf(subtreesOf(snapshot), 0, 0), emptyRoot())
    assert.deepEqual(await snapshot.runs(0, 10), [])
    assert.equal(await snapshot.runOf("a", 1), undefined)
    assert.equal((await snapshot.tile(0, 0)).length, 0)
    await snapshot.close()
  },
}
