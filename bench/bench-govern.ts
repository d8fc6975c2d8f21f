import { join } from "node:path"
import { Wallet } from "@nornr/core"
import { bareCommits, bareDisk } from "./bare-disk.ts"
import { micros, percentile, printTable, timed } from "./measure.ts"

/**
 * One governed call of a tool that does nothing: decided and claimed in one durable commit, settled with its
 * result in another. Beside two bare syncs, two commits of one row in SQLite, and the two commits of a decision and its settlement.
 */
export async function benchGovern(
  folder: string,
  terms: object,
  intent: { readonly amount: string; readonly to: string },
  turns: number,
): Promise<void> {
  const options = { owner: "bench", dailyLimit: 1_000_000, ...terms, ledger: join(folder, "govern.db") }
  const wallet = await Wallet.create(options)
  const disk = bareDisk(join(folder, "bare-3"))
  const bare = bareCommits(join(folder, "bare.db"))
  const call = { ...intent, tool: "search", args: { q: "cats" } }
  const contenders = {
    "two bare syncs": () => twice(() => disk.write()),
    "two SQLite commits": () => twice(() => bare.commit()),
    "pay, then settle": async () => wallet.settle(await wallet.pay(intent)),
    "a governed call": (turn: number) => wallet.govern({ ...call, key: `call-${turn}` }, () => "found"),
  }
  const samples = Object.fromEntries(Object.keys(contenders).map((name) => [name, [] as number[]]))
  for (let turn = -500; turn < turns; turn++) {
    for (const [name, run] of Object.entries(contenders)) {
      const ms = await timed(() => run(turn))
      if (turn >= 0) samples[name]?.push(ms)
    }
  }
  const p50 = Object.fromEntries(Object.entries(samples).map(([name, each]) => [name, percentile(each, 0.5)]))
  const governed = p50["a governed call"] ?? Number.NaN
  const rows = Object.entries(p50).map(([name, ms]) => [
    name,
    micros(ms),
    micros(governed - ms),
    (governed / ms).toFixed(2),
  ])
  printTable(["", "p50", "a governed call is above it by", "times"], rows)
  disk.close()
  bare.close()
  await wallet.close()
}

async function twice(run: () => unknown): Promise<void> {
  await run()
  await run()
}
