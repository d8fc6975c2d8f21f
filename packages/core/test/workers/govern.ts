import { callMetered } from "../../src/contracts/index.ts"
import { currentSpend, governed, type Outcome, Wallet } from "../../src/index.ts"
import { sqliteLedger } from "../../src/ledger/sqlite/sqlite-ledger.ts"
import { hookedLedger } from "../hooked-ledger.ts"

/** What a worker is to do, as JSON in its first argument. */
export interface GovernWork {
  readonly path: string
  readonly url: string
  readonly key: string
  readonly amount?: number
  /** How many calls of the key it makes at once. */
  readonly times?: number
  /** Asks ahead of the run, as some frameworks do. */
  readonly asksAhead?: boolean
  readonly idempotent?: boolean
  /** Milliseconds that its clock is ahead. */
  readonly ahead?: number
  /** The step at which it kills itself: no signal handler, no last word. */
  readonly killAt?: string
}

const work = JSON.parse(process.argv[2] ?? "{}") as GovernWork
const { path, url, key, amount = 5, times = 1, idempotent = false, ahead = 0 } = work
const reach = (step: string) => {
  if (step === work.killAt) process.kill(process.pid, "SIGKILL")
}
const ledger = hookedLedger(await sqliteLedger(path), reach)
const clock = { now: () => new Date(Date.now() + ahead) }
const wallet = await Wallet.connect({ owner: "team", ledger, clock })
const terms = { name: "render", wallet, amount, to: "render.example", idempotent }
const render = governed(async (args: { readonly frame: number }) => {
  reach("running")
  const { request } = await callMetered(url, "render", args, currentSpend()?.idempotencyKey)
  reach("requested")
  return request
}, terms)
if (work.asksAhead) {
  await wallet.ask({ tool: "render", key, args: { frame: 1 }, amount, to: "render.example" })
}
const calls = Array.from({ length: times }, () => render({ frame: 1 }, { key }))
for (const outcome of await Promise.all(calls)) process.stdout.write(`${line(outcome)}\n`)
await wallet.close()
await ledger.close()

function line(outcome: Outcome<number>): string {
  return outcome.status === "done"
    ? `done ${outcome.result} ${outcome.decision.execution.state}`
    : outcome.status
}
