import assert from "node:assert/strict"
import { join } from "node:path"
import { describe, test } from "vitest"
import { Wallet } from "../src/index.ts"
import { runWorker } from "./processes.ts"
import { type Race, races } from "./races.ts"
import { temporaryFolder } from "./temporary-folder.ts"

interface Approved {
  readonly id: string
  readonly amount: number
}

function requireFair({ name, approvals, most, least = 0 }: Race, approved: readonly Approved[]): void {
  const spent = approved.reduce((sum, { amount }) => sum + amount, 0)
  assert(spent <= most + 1e-9, `${name}: ${spent} of ${most} approved`)
  assert(spent >= least, `${name}: only ${spent} approved, though more fits`)
  if (approvals !== undefined) assert.equal(approved.length, approvals, name)
  assert.equal(new Set(approved.map(({ id }) => id)).size, approved.length)
}

async function requireRecord(wallet: Wallet, approved: readonly Approved[]): Promise<void> {
  const report = await wallet.verify()
  assert(report.ok, report.ok ? "" : report.message)
  for (const { id } of approved) assert.equal((await wallet.decision(id))?.status, "approved")
}

describe("a race for one budget", () => {
  for (const race of races) {
    test(`is fair in one process: ${race.name}`, async () => {
      const folder = temporaryFolder()
      try {
        const wallet = await Wallet.create({
          ...race.terms,
          owner: race.name,
          ledger: join(folder.path, "race.db"),
        })
        const decisions = await Promise.all(race.intents.map((intent) => wallet.pay(intent)))
        const approved = decisions
          .filter(({ status }) => status === "approved")
          .map(({ id, amount }) => ({ id, amount: Number(amount) }))
        requireFair(race, approved)
        await requireRecord(wallet, approved)
        await wallet.close()
      } finally {
        folder.remove()
      }
    })
  }

  test("is fair over eight processes on one file", async () => {
    const folder = temporaryFolder()
    try {
      const path = join(folder.path, "race.db")
      const start = String(Date.now() + 2500)
      const workers = Array.from({ length: 8 }, (_, index) =>
        runWorker("race", [path, start, "8", String(index)]),
      )
      const lines = (await Promise.all(workers)).flat()
      for (const race of races) {
        const own = lines
          .filter((line) => line.startsWith(`${race.name} dec_`))
          .map((line) => line.slice(race.name.length + 1))
        const approved = own.map((line) => ({
          id: line.split(" ")[0] as string,
          amount: Number(line.split(" ")[1]),
        }))
        requireFair(race, approved)
        const wallet = await Wallet.connect({ owner: race.name, ledger: path })
        await requireRecord(wallet, approved)
        await wallet.close()
      }
    } finally {
      folder.remove()
    }
  })
})
