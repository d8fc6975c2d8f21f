import assert from "node:assert/strict"
import type { TestWallet } from "../src/testing/index.ts"

/** A budget of 50 a day, a person above 20, and a call of 5. */
export const terms = { dailyLimit: 50, requireApprovalAbove: 20 } as const
export const call = {
  tool: "search",
  key: "t/m/c1",
  args: { q: "cats" },
  amount: 5,
  to: "search.example",
} as const

/** A tool that counts its runs, and gives or throws what it is told. */
export function counter(act: (run: number) => unknown = (run) => `run ${run}`) {
  const tool = {
    runs: 0,
    async run(): Promise<unknown> {
      return act(++tool.runs)
    },
  }
  return tool
}

export function boom(): never {
  throw Object.assign(new RangeError("the vendor said no"), { code: "E_VENDOR" })
}

export async function soundly<T extends TestWallet>(stage: T): Promise<void> {
  const report = await stage.wallet.verify()
  assert(report.ok, report.ok ? "" : report.message)
}

/** What is held and what is settled of the daily limit. */
export const used = async ({ wallet }: TestWallet) => {
  const [daily] = (await wallet.balance()).limits
  return [daily?.held, daily?.settled]
}

/** The types of all events so far. */
export async function eventTypes({ wallet }: TestWallet): Promise<readonly string[]> {
  const types: string[] = []
  for await (const { type } of wallet.trail()) types.push(type)
  return types
}

/** A turn of the event loop: what was asked before has been committed, and its tool runs. */
export const turn = (): Promise<unknown> => new Promise((next) => setImmediate(next))
