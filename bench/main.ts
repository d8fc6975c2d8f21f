// What a decision costs, beside what the disk itself can do, in one run: machines are noisy, ratios are not.
// Usage: npm run bench [-- --quick]
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { cpus, totalmem } from "node:os"
import { join } from "node:path"
import { Wallet } from "@nornr/core"
import { bareDisk } from "./bare-disk.ts"
import { benchAdapters } from "./bench-adapters.ts"
import { benchGovern } from "./bench-govern.ts"
import { benchOpenAI } from "./bench-openai.ts"
import { decideAlone } from "./decide-alone.ts"
import { micros, percentile, printTable, throughput, timed } from "./measure.ts"

const quick = process.argv.includes("--quick")
const sizes = quick ? [1_000, 10_000] : [1_000, 100_000, 1_000_000]
const folder = mkdtempSync(join(process.cwd(), ".nornr-bench-"))
const intent = { amount: "0.000001", to: "openai", purpose: "tool execution" }
const terms = {
  dailyLimit: 1_000_000,
  requireApprovalAbove: 25,
  limits: [
    { amount: 1_000_000, per: "month", where: { tags: { team: "growth" } }, over: "queue" },
    { amount: 1_000_000, per: "day", by: "counterparty" },
    { count: 1_000_000_000, per: "hour", by: "agent" },
  ],
} as const

try {
  printConditions()
  await benchSizes()
  await benchWallets()
  await benchGovern(folder, terms, intent, quick ? 500 : 3000)
  await benchAdapters(folder, terms, quick ? 500 : 3000)
  await benchOpenAI(folder, terms, quick ? 500 : 3000)
  console.log(`decide() alone, five limits: ${decideAlone().toFixed(2)} µs\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function printConditions(): void {
  const [cpu] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  console.log(
    `Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} x ${cpu?.model.trim()}, ${memory} GiB.`,
  )
  console.log(
    "Each decision is one durable commit (WAL, synchronous=FULL). Times in µs; bare = 20 KiB + fdatasync.\n",
  )
}

/** One wallet, ledgers of growing size: sequential beside the bare disk, then 8 and 64 callers. */
async function benchSizes(): Promise<void> {
  const ledgers = []
  for (const size of sizes) ledgers.push(await filledLedger(size))
  const disk = bareDisk(join(folder, "bare"))
  const bare: number[] = []
  const decided = ledgers.map(() => [] as number[])
  for (let turn = -500; turn < (quick ? 500 : 3000); turn++) {
    const warm = turn >= 0
    const sync = await timed(() => disk.write())
    if (warm) bare.push(sync)
    for (const [index, { wallet }] of ledgers.entries()) {
      const ms = await timed(() => wallet.pay(intent))
      if (warm) decided[index]?.push(ms)
    }
  }
  disk.close()
  const rates: string[][] = ledgers.map(() => [])
  for (const callers of [8, 64]) {
    const best = ledgers.map(() => [] as number[])
    for (let round = 0; round < 5; round++) {
      for (const [index, { wallet }] of ledgers.entries()) {
        best[index]?.push(await throughput(callers, quick ? 2000 : 10_000, () => wallet.pay(intent)))
      }
    }
    for (const [index, samples] of best.entries())
      rates[index]?.push(`${Math.round(percentile(samples, 0.5))}`)
  }
  const base = percentile(decided[0] ?? [], 0.5)
  const rows = ledgers.map(({ bytes, heap }, index) => {
    const p50 = percentile(decided[index] ?? [], 0.5)
    return [
      String(sizes[index]),
      micros(percentile(bare, 0.5)),
      micros(p50),
      micros(percentile(decided[index] ?? [], 0.99)),
      (p50 / percentile(bare, 0.5)).toFixed(2),
      (p50 / base).toFixed(2),
      ...(rates[index] ?? []),
      String(bytes),
      String(heap),
    ]
  })
  const header = [
    "decisions",
    "bare p50",
    "p50",
    "p99",
    "p50 / bare",
    "p50 / p50 at 1k",
    "8 callers /s",
    "64 callers /s",
    "bytes each",
    "resident bytes each",
  ]
  printTable(header, rows)
  for (const { wallet } of ledgers) await wallet.close()
}

interface Filled {
  readonly wallet: Wallet
  readonly bytes: number
  readonly heap: number
}

async function filledLedger(size: number): Promise<Filled> {
  const path = join(folder, `${size}.db`)
  const wallet = await Wallet.create({ owner: "bench", ...terms, ledger: path })
  await wallet.pay(intent)
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  await throughput(128, size, () => wallet.pay(intent))
  globalThis.gc?.()
  const heap = Math.round((process.memoryUsage().rss - before) / size)
  const stored = statSync(path).size + (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0)
  return { wallet, bytes: Math.round(stored / size), heap }
}

/** A hundred wallets in one ledger. */
async function benchWallets(): Promise<void> {
  const ledger = join(folder, "hundred.db")
  const names = Array.from({ length: 100 }, (_, index) => `customer-${index}`)
  const wallets = await Promise.all(names.map((owner) => Wallet.create({ owner, ...terms, ledger })))
  const pay = (index: number) => (wallets[index % wallets.length] as Wallet).pay(intent)
  const disk = bareDisk(join(folder, "bare-2"))
  const bare: number[] = []
  const decided: number[] = []
  for (let turn = -500; turn < (quick ? 500 : 3000); turn++) {
    const sync = await timed(() => disk.write())
    const ms = await timed(() => pay(turn + 500))
    if (turn < 0) continue
    bare.push(sync)
    decided.push(ms)
  }
  disk.close()
  const rates = []
  for (const callers of [8, 64])
    rates.push(String(Math.round(await throughput(callers, quick ? 2000 : 20_000, pay))))
  const ratio = percentile(decided, 0.5) / percentile(bare, 0.5)
  printTable(
    ["100 wallets", "bare p50", "p50", "p99", "p50 / bare", "8 callers /s", "64 callers /s"],
    [
      [
        "",
        micros(percentile(bare, 0.5)),
        micros(percentile(decided, 0.5)),
        micros(percentile(decided, 0.99)),
        ratio.toFixed(2),
        ...rates,
      ],
    ],
  )
  for (const wallet of wallets) await wallet.close()
}
