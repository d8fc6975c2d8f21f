// The guide "audit trail for AutoGen-style tool execution", run for real: a service, a process for each part, one ledger.
// Exits non-zero if anything differs from what it says.
import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { type TrailEvent, verifyTrail, Wallet } from "@nornr/core"
import { bar, fold, heading, paint, table } from "./screen.ts"
import { startService } from "./service.ts"

const folder = await mkdtemp(join(tmpdir(), "nornr-demo-"))
const ledger = join(folder, "ledger.db")
const service = await startService()
try {
  await keepClearOfMidnight()
  heading("1. A team talks, one executor runs its tools")
  console.log("  Daily limit 70.00 USD, a person decides above 25.00 USD.")
  await run("talk.ts")
  requireCounts({ summarise: 1 })

  heading("2. A second process: a reviewer")
  await run("review.ts")
  requireCounts({ summarise: 1 })

  heading("3. A third process resumes it, then two more at once")
  await run("watch.ts")
  requireCounts({ summarise: 1, render: 1 })
  await Promise.all([run("resume.ts"), run("resume.ts")])
  requireCounts({ summarise: 1, render: 1 })
  console.log(`  the vendor's own count: ${paint("bold", "1 request")}`)

  heading("4. A tool fails, and a process is killed in the middle of a call")
  const asked = service.asked("archive")
  const talking = start("talk.ts", "afterwards")
  await asked
  talking.kill("SIGKILL")
  await once(talking, "close")
  console.log(
    `  ${paint("red", "kill -9")} while archive runs. A minute later (its clock is set ahead), the desk:`,
  )
  await run("mend.ts")
  requireCounts({ summarise: 1, render: 1, translate: 1, archive: 1 })

  await showRecord()
} finally {
  service.close()
  await rm(folder, { recursive: true, force: true })
}

function requireCounts(expected: Readonly<Record<string, number>>): void {
  assert.deepEqual(Object.fromEntries(service.counts), expected, "what the vendor was asked for")
}

async function showRecord(): Promise<void> {
  await using wallet = await Wallet.connect({ owner: "autogen-operator", ledger })
  heading("5. The trail")
  const events: TrailEvent[] = []
  // #region trail
  for await (const event of wallet.trail()) events.push(event)
  // #endregion trail
  const decided = new Map(
    events.filter(({ type }) => type === "decision.made").map((event) => [event.data["decision"], event]),
  )
  const rows = events.map((event) => row(event, decided.get(event.data["decision"]) ?? event))
  table(["#", "time", "event", "agent", "tool", "what", "USD", "hash"], rows)

  heading("6. The budget")
  const [daily] = (await wallet.balance()).limits
  assert(daily !== undefined)
  const { limit, settled, held, remaining } = daily
  console.log(`  ${bar({ settled: Number(settled), held: Number(held), limit: Number(limit) })}`)
  console.log(`  ${settled} spent, ${held} held, ${remaining} of ${limit} USD left today`)
  assert.deepEqual([settled, held, remaining], ["59.00", "0.00", "11.00"])

  heading("7. The proof")
  // #region proof
  const report = await wallet.verify()
  // #endregion proof
  assert(report.ok)
  console.log(
    `  ${paint("green", "verified")}: ${report.events} events, one chain; decisions and budgets add up to it`,
  )
  const forged = events.map((event) =>
    event.seq === 2 ? { ...event, data: { ...event.data, amount: "1.60" } } : event,
  )
  const found = await verifyTrail(forged)
  assert(!found.ok && found.seq === 2 && found.kind === "edited")
  console.log(`  ${paint("green", "found out")}: 16.00 was changed to 1.60 in a copy.`)
  console.log(fold(found.message, 4))
}

/** An event, with who spends for what from the decision that it belongs to. */
function row({ seq, at, type, data, hash }: TrailEvent, decision: TrailEvent): readonly string[] {
  const show = (value: unknown) => (typeof value === "string" ? value : "")
  const { agent, tool } = decision.data
  const amount = show(data["amount"] ?? data["cost"])
  return [
    String(seq),
    at.slice(11, 16),
    type,
    show(agent),
    show(tool),
    show(data["status"] ?? data["state"]),
    amount,
    hash.slice(0, 8),
  ]
}

function start(script: string, ...args: readonly string[]): ChildProcess {
  const env = { ...process.env, NORNR_LEDGER: ledger, SERVICE_URL: service.url }
  return spawn(process.execPath, [join(import.meta.dirname, script), ...args], { env, stdio: "inherit" })
}

async function run(script: string): Promise<void> {
  const [code] = await once(start(script), "close")
  assert.equal(code, 0, `${script} ended with ${code}`)
}

/** A budget of the day must not end in the middle of its story. */
async function keepClearOfMidnight(): Promise<void> {
  const left = 86_400_000 - (Date.now() % 86_400_000)
  if (left > 120_000) return
  console.log(`  (the day ends in ${Math.ceil(left / 1000)} s: waiting for the next)`)
  await pause(left)
}
