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

/** A call of 30, which waits for a person. */
export const queue = (stage: TestWallet) => stage.wallet.govern({ ...call, amount: 30 }, counter().run)

/** A call whose tool throws: its amount stays held. */
export const fail = (stage: TestWallet) => stage.wallet.govern(call, boom)

/** The data of the last event, with what a reviewer said about it. */
export async function lastData({ wallet }: TestWallet): Promise<Readonly<Record<string, unknown>>> {
  let data: Readonly<Record<string, unknown>> = {}
  for await (const event of wallet.trail()) data = { ...event.data, remark: event.remark }
  return data
}

/** The next commit is made at once, and heard of when the given function is called: a process that was suspended. */
export function suspendNextCommit({ ledger }: Pick<TestWallet, "ledger">): () => void {
  const commit = ledger.commit.bind(ledger)
  const { promise, resolve } = Promise.withResolvers<void>()
  ledger.commit = async (...given) => {
    ledger.commit = commit
    const settled = await commit(...given)
    await promise
    return settled
  }
  return resolve
}
