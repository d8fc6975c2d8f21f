import { callMetered } from "../../src/contracts/index.ts"
import { Wallet } from "../../src/index.ts"

/** Resumes what reviewers decided, until it is told to stop; or dies holding the first that it gets. */
const [path = "", url = "", ahead = "0", dies] = process.argv.slice(2)
const clock = { now: () => new Date(Date.now() + Number(ahead)) }
const wallet = await Wallet.connect({ owner: "team", ledger: path, clock })
const stop = new AbortController()
process.on("SIGTERM", () => stop.abort())
for await (const { run } of wallet.reviewed({ signal: stop.signal })) {
  if (dies !== undefined) process.kill(process.pid, "SIGKILL")
  const key = String(run.thread)
  const call = { tool: "render", key, amount: 30, to: "render.example", run: { thread: key } }
  await wallet.govern(call, () => callMetered(url, "render", null))
}
await wallet.close()
