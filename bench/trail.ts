// What a long trail costs to export, to check and to prove, each phase in a process of its own, whose peak of memory
// is measured. Usage: npm run bench:trail [-- --events=1000000]
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { cpus } from "node:os"
import { join } from "node:path"
import { createCheckpointKey, Wallet } from "@nornr/core"
import { printTable, throughput } from "./measure.ts"

const given = process.argv.find((each) => each.startsWith("--events="))?.slice("--events=".length)
const most = Number(given ?? 1_000_000)
const folder = mkdtempSync(join(process.cwd(), ".nornr-bench-"))
const phase = join(import.meta.dirname, "trail-phase.ts")

interface Measured {
  readonly seconds: number
  /** The most memory that the process had, MiB. */
  readonly peak: number
}

try {
  console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim()}.\n`)
  const sizes = [Math.round(most / 10), most]
  const rows: string[][] = []
  for (const size of sizes) rows.push(...(await measure(size)))
  printTable(["events", "what", "s", "events/s", "µs an event", "peak MiB"], rows)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function measure(size: number): Promise<string[][]> {
  const { ledger, key, receipt } = await filled(size)
  const file = join(folder, `${size}.jsonl`)
  const packet = join(folder, `${size}.packet.json`)
  const run = (what: string, ...args: readonly string[]) => measured([what, ledger, ...args])
  const phases: readonly (readonly [string, () => Measured])[] = [
    ["tree: build it and sign it", () => run("checkpoint", key.path)],
    ["export as JSON lines", () => run("export", file)],
    ["verify the export: chain alone", () => run("chain", file)],
    ["verify the export: chain and tree", () => run("tree", file, key.publicKey)],
    ["verify the export: tools/verify.py", () => python(file, key.publicKey)],
    ["verify the ledger: chain", () => run("ledger-chain")],
    ["verify the ledger: chain and tree", () => run("ledger-tree", key.publicKey)],
    ["verify the ledger: chain and replay", () => run("ledger-replay")],
    ["prove one decision: packet, made and verified", () => run("packet", packet, key.publicKey, receipt)],
  ]
  const rows = phases.map(([what, run]) => {
    const { seconds, peak } = run()
    const isOne = what.startsWith("prove")
    const rate = isOne ? ["", ""] : [String(Math.round(size / seconds)), ((seconds / size) * 1e6).toFixed(2)]
    return [String(size), what, seconds.toFixed(isOne ? 3 : 1), ...rate, String(peak)]
  })
  console.log(
    `${size} events: ${Math.round(statSync(ledger).size / 2 ** 20)} MiB ledger, ${Math.round(statSync(file).size / 2 ** 20)} MiB export\n`,
  )
  return rows
}

/** A ledger of so many events: decisions of ten agents, each settled. */
async function filled(size: number) {
  const ledger = join(folder, `${size}.db`)
  const wallet = await Wallet.create({ owner: "bench", dailyLimit: 9_000_000, ledger })
  const agents = Array.from({ length: 10 }, (_, index) => wallet.forAgent(`agent-${index}`))
  let middle = ""
  await throughput(128, Math.floor(size / 2), async (index) => {
    const agent = agents[index % 10] as Wallet
    const asked = { amount: 0.01, to: "openai", purpose: "tool execution", tool: "search", args: { index } }
    const decision = await agent.pay({ ...asked, run: { thread: `thread-${index % 1000}` } })
    if (index === Math.floor(size / 4)) middle = decision.id
    await agent.settle(decision)
  })
  await wallet.close()
  const key = await createCheckpointKey(join(folder, `${size}.key`), "bench.example/spend")
  return { ledger, key, receipt: middle }
}

function measured(args: readonly string[]): Measured {
  const printed = execFileSync(
    process.execPath,
    ["--max-old-space-size=128", "--max-semi-space-size=16", phase, ...args],
    {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    },
  )
  return JSON.parse(printed) as Measured
}

function python(file: string, key: string): Measured {
  const script = join(import.meta.dirname, "../tools/verify.py")
  const code = `import json,resource,subprocess,sys,time
start=time.time()
done=subprocess.run([sys.executable,*sys.argv[1:]],stdout=subprocess.DEVNULL)
peak=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss//1024
print(json.dumps({"seconds":time.time()-start,"peak":peak}))
sys.exit(done.returncode)`
  const { stdout, status } = spawnSync("python3", ["-c", code, script, "export", file, "--key", key], {
    encoding: "utf8",
  })
  if (status !== 0) throw new Error(`verify.py ended with ${status}`)
  return JSON.parse(stdout) as Measured
}
