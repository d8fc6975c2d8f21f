import assert from "node:assert/strict"
import { NornrError } from "../error/nornr-error.ts"
import type { Ledger, Step, WalletRow } from "../ledger/ledger.ts"
import type { Decision } from "../spend/decision.ts"
import { noHash, sealEvent } from "../trail/event.ts"
import type { CreateOptions } from "../wallet/options.ts"
import { Wallet } from "../wallet/wallet.ts"
import { treeScenarios } from "./tree-contract.ts"
import { writerWallet } from "./write-until-killed.ts"

/** A process that runs `writeUntilKilled` on the store. */
export interface Writer {
  /** The ids it has acknowledged so far. */
  readonly acknowledged: readonly string[]
  /** Kills it at once (SIGKILL), when it has acknowledged at least so many. */
  killAfter(count: number): Promise<void>
}

/** One empty store under test. */
export interface LedgerStore {
  /** Opens the store; again opens the same store once more, as another process would. */
  open(): Promise<Ledger>
  /** Starts a writer in a process of its own. */
  startWriter?(): Writer
  destroy(): Promise<void>
}

export interface LedgerContract {
  /** The runner's `test`; the suite asserts with `node:assert`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown
  readonly create: () => Promise<LedgerStore>
  /** Whether what is committed outlives the process; such a store must start writers to be killed. */
  readonly durable: boolean
}

/** The promises of DESIGN §7 that every ledger keeps, as tests of the caller's runner. */
export function testLedger({ test, create, durable }: LedgerContract): void {
  const always = { ...scenarios, ...treeScenarios }
  for (const [name, run] of Object.entries(durable ? { ...always, ...durableScenarios } : always)) {
    test(name, async () => {
      const store = await create()
      try {
        await run(store)
      } finally {
        await store.destroy()
      }
    })
  }
}

const terms = { owner: "contract", dailyLimit: 10 } as const

async function walletOn(
  store: LedgerStore,
  options: Partial<Omit<CreateOptions, "ledger" | "baseUrl">> = {},
): Promise<Wallet> {
  return Wallet.create({ ...terms, ...options, ledger: await store.open() })
}

async function requireSound(wallet: Wallet, receipts: readonly Decision["receipt"][] = []): Promise<void> {
  const report = await wallet.verify({ receipts })
  assert(report.ok, report.ok ? "" : report.message)
}

const approvals = (decisions: readonly Decision[]) =>
  decisions.filter(({ status }) => status === "approved").length

type Scenarios = Readonly<Record<string, (store: LedgerStore) => Promise<void>>>

const scenarios: Scenarios = {
  async "keeps events in order, without gaps, each sealed to the one before"(store) {
    const wallet = await walletOn(store)
    const decisions: Decision[] = []
    for (let index = 0; index < 5; index++)
      decisions.push(await wallet.pay({ amount: 1, to: `vendor-${index}` }))
    const seen: number[] = []
    for await (const { seq } of wallet.trail()) seen.push(seq)
    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6])
    await requireSound(
      wallet,
      decisions.map(({ receipt }) => receipt),
    )
  },

  async "admits exactly what fits a limit, asked at once through two openings"(store) {
    const wallets = [await walletOn(store), await walletOn(store)]
    const asks = Array.from({ length: 100 }, (_, index) =>
      (wallets[index % 2] as Wallet).pay({ amount: 1, to: "openai" }),
    )
    assert.equal(approvals(await Promise.all(asks)), 10)
    await requireSound(wallets[0] as Wallet)
  },

  async "answers a key with one decision, asked at once and again"(store) {
    const wallets = [await walletOn(store), await walletOn(store)]
    const intent = { amount: 1, to: "openai", purpose: "once", idempotencyKey: "job-7" }
    const asks = Array.from({ length: 20 }, (_, index) => (wallets[index % 2] as Wallet).pay(intent))
    const decisions = await Promise.all(asks)
    assert.equal(new Set(decisions.map(({ id }) => id)).size, 1)
    assert.equal(decisions.filter(({ replayed }) => replayed !== true).length, 1)
    await assert.rejects((wallets[1] as Wallet).pay({ ...intent, amount: 2 }), { code: "key_conflict" })
    assert.equal((await (wallets[1] as Wallet).decision("job-7"))?.id, decisions[0]?.id)
  },

  async "runs each step on what those before it in the batch wrote, and fails a step alone"(store) {
    const ledger = await store.open()
    const failing: Step<never> = {
      reads: () => ({}),
      work() {
        throw new NornrError("aborted", "No.", { remedy: "None." })
      },
    }
    const entries = [countingStep, failing, countingStep].map((step) => ({ wallet: "steps", step }))
    const settled = await ledger.commit(entries, Date.now)
    assert.deepEqual(
      settled.map((each) => (each.ok ? each.value : (each.error as NornrError).code)),
      [1, "aborted", 2],
    )
    assert.deepEqual(
      (await ledger.events("steps", 1, 10)).map(({ seq }) => seq),
      [1, 2],
    )
  },

  async "writes nothing for a read, whatever the step gives"(store) {
    const ledger = await store.open()
    const entry = { wallet: "steps", step: countingStep }
    assert.deepEqual(await ledger.read([entry, entry], Date.now), [
      { ok: true, value: 1 },
      { ok: true, value: 2 },
    ])
    assert.deepEqual(await ledger.events("steps", 1, 10), [])
    assert.deepEqual(await ledger.wallets(), [])
  },

  async "gives facts only where they were declared"(store) {
    const wallet = await walletOn(store)
    await wallet.pay({ amount: 1, to: "openai", idempotencyKey: "k" })
    const ledger = await store.open()
    for (const fact of ["use", "spendByKey"] as const) {
      const step: Step<unknown> = { reads: () => ({}), work: (facts) => ({ result: facts[fact]("k") }) }
      const [answer] = await ledger.read([{ wallet: terms.owner, step }], Date.now)
      assert(answer?.ok === false, "what was not declared is neither zero nor new")
    }
  },

  async "keeps wallets apart: keys, counters, positions"(store) {
    const ledger = await store.open()
    const [one, two] = [
      await Wallet.create({ owner: "one", dailyLimit: 5, ledger }),
      await Wallet.create({ owner: "two", dailyLimit: 5, ledger }),
    ]
    const intent = { amount: 5, to: "openai", idempotencyKey: "same" }
    const [first, second] = await Promise.all([one.pay(intent), two.pay(intent)])
    assert.deepEqual([first.status, second.status], ["approved", "approved"])
    assert.notEqual(first.id, second.id)
    assert.equal(await two.decision(first.id), undefined)
    assert.deepEqual(await ledger.wallets(), ["one", "two"])
    await requireSound(one)
    await requireSound(two)
  },

  async "keeps amounts beyond 2^53 exact"(store) {
    const wallet = await walletOn(store, {
      dailyLimit: null,
      limits: [{ amount: "9007199254.740991", over: "queue" }],
    })
    const most = "9007199254.740991"
    await wallet.pay({ amount: most, to: "openai" })
    await wallet.pay({ amount: most, to: "openai" })
    assert.equal((await wallet.balance()).limits[0]?.held, "18014398509.481982")
    await requireSound(wallet)
  },

  async "keeps any text as it is"(store) {
    const texts = ["'; DROP TABLE event; --", "__proto__", "ünï😀", "a%_b", '"quoted"\\', "\u{10ffff}"]
    const limits = [{ amount: 100, by: "run" as const }]
    const wallet = await walletOn(store, { dailyLimit: 1000, limits, owner: "o'wner 😀" })
    for (const text of texts) {
      const intent = { amount: 1, to: "openai", purpose: text, run: { thread: text }, idempotencyKey: text }
      const { id } = await wallet.pay(intent)
      const found = await wallet.decision(text)
      assert.deepEqual([found?.id, found?.purpose, found?.run.thread], [id, text, text])
    }
    const buckets = (await wallet.balance()).limits.flatMap(({ bucket }) => bucket ?? [])
    assert.deepEqual(buckets.sort(), [...texts].sort())
    await requireSound(wallet)
  },

  async "expires what is due before the next step, and shows it so before that"(store) {
    let now = Date.parse("2026-11-22T10:00:00Z")
    const clock = { now: () => new Date(now) }
    const wallet = await walletOn(store, { requireApprovalAbove: 1, approvalTtl: "1h", clock })
    const { id } = await wallet.pay({ amount: 8, to: "openai" })
    now += 3_600_000
    assert.equal((await wallet.decision(id))?.approval?.state, "expired")
    assert.equal((await wallet.balance()).limits[0]?.held, "0.00")
    assert.equal((await wallet.pay({ amount: 1, to: "openai" })).status, "approved")
    const types: string[] = []
    for await (const { type } of wallet.trail()) types.push(type)
    assert.deepEqual(types, ["wallet.created", "decision.made", "approval.resolved", "decision.made"])
    await requireSound(wallet)
  },

  async "counts a new limit from every spend there was, and forgets one that is gone"(store) {
    const wallet = await walletOn(store, { dailyLimit: 100 })
    await wallet.pay({ amount: 3, to: "openai" })
    await wallet.settle(await wallet.pay({ amount: 4, to: "reports.example" }), 2)
    const amended = await walletOn(store, { dailyLimit: 90, limits: [{ amount: 9, by: "counterparty" }] })
    const shown = (await amended.balance()).limits.map(({ bucket, held, settled }) => [bucket, held, settled])
    assert.deepEqual(shown, [
      [undefined, "3.00", "2.00"],
      ["openai", "3.00", "0.00"],
      ["reports.example", "0.00", "2.00"],
    ])
    await requireSound(amended)
    await requireSound(await walletOn(store, { limits: null }))
  },

  async "tells of commits, its own and those of others"(store) {
    const [here, there] = [await store.open(), await store.open()]
    const wallet = await Wallet.create({ ...terms, ledger: there })
    for (const ledger of [here, there]) {
      await new Promise<void>((resolve, reject) => {
        const stop = ledger.watch(() => {
          stop()
          resolve()
        })
        wallet.pay({ amount: 0, to: "openai" }).catch(reject)
      })
    }
  },

  async "refuses every call once it is closed"(store) {
    const ledger = await store.open()
    await ledger.close()
    const entry = { wallet: "steps", step: countingStep }
    for (const call of [
      () => ledger.commit([entry], Date.now),
      () => ledger.read([entry], Date.now),
      () => ledger.events("steps", 1, 1),
      () => ledger.wallets(),
      () => ledger.snapshot(),
      () => ledger.growTree(0, { size: 0, runs: [], tiles: [] }),
      () => ledger.keepCheckpoint({ size: 0, note: "", at: 0 }),
    ]) {
      await assert.rejects(call, { code: "ledger_closed" })
    }
    await ledger.close()
  },
}

const durableScenarios: Scenarios = {
  async "still has everything when it was closed and opened again"(store) {
    const first = await store.open()
    const wallet = await Wallet.create({ ...terms, ledger: first })
    const decision = await wallet.pay({ amount: 6, to: "openai", idempotencyKey: "kept" })
    await first.close()
    const second = await store.open()
    assert.deepEqual([...second.secret], [...first.secret])
    const again = await Wallet.connect({ owner: terms.owner, ledger: second })
    assert.deepEqual(await again.decision("kept"), decision)
    assert.equal((await again.pay({ amount: 6, to: "openai" })).reasons[0]?.code, "daily_limit_exceeded")
    await requireSound(again, [decision.receipt])
  },

  async "loses nothing that it acknowledged to a process that is killed"(store) {
    assert(store.startWriter !== undefined, "a durable store starts writers")
    for (let round = 1; round <= 4; round++) {
      const writer = store.startWriter()
      await writer.killAfter(round * 20 + Math.floor(Math.random() * 100))
      const ledger = await store.open()
      const wallet = await Wallet.connect({ owner: writerWallet.owner, ledger })
      for (const id of writer.acknowledged) assert((await wallet.decision(id)) !== undefined, `${id} is lost`)
      await requireSound(wallet)
      await ledger.close()
    }
  },
}

/** Seals one event and answers its position. */
const countingStep: Step<number> = {
  reads: () => ({}),
  work({ head, at }) {
    const none: WalletRow = {
      id: "steps",
      currency: "USD",
      seq: 0,
      hash: noHash,
      lastAt: at,
      pending: 0,
      epoch: 0,
    }
    const { seq, hash } = head.wallet ?? none
    const sealed = {
      v: 1,
      wallet: "steps",
      seq: seq + 1,
      at: new Date(at).toISOString(),
      mandate: "",
      prev: hash,
    } as const
    const event = sealEvent({ ...sealed, type: "spend.overage", data: {} })
    const wallet = { ...none, seq: event.seq, hash: event.hash }
    return {
      writes: {
        wallet,
        events: [event],
        spends: [],
        texts: new Map(),
        counters: new Map(),
        mandates: [],
        dropCounters: [],
      },
      result: event.seq,
    }
  },
}
