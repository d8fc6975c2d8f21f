import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { ReviewDesk } from "@nornr/core"
import { startMeteredService } from "@nornr/core/contracts"
import { describe, test } from "vitest"
import type { Variety } from "./varieties.ts"
import type { Turn } from "./workers/turn.ts"

interface Came {
  readonly ended: unknown
  readonly pending: readonly string[]
  readonly results: readonly {
    readonly id: string
    readonly text: string
    readonly status?: string
    readonly settled?: string
  }[]
}

/** Each turn is a process of its own, on one ledger file and one checkpoint file. */
async function stageOf(variety: Variety) {
  const folder = mkdtempSync(join(tmpdir(), "nornr-turns-"))
  const service = await startMeteredService()
  const script = fileURLToPath(new URL("./workers/turn.ts", import.meta.url))
  const turn = async (what: Turn): Promise<Came> => {
    const args = [script, variety, folder, service.url, JSON.stringify(what)]
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
    let text = ""
    child.stdout.on("data", (chunk) => {
      text += chunk
    })
    const [code, signal] = await once(child, "close")
    return { pending: [], results: [], ...(text === "" ? {} : JSON.parse(text)), ended: code ?? signal }
  }
  const approve = async () => {
    await using desk = await ReviewDesk.open({
      owner: "agent",
      reviewer: "ana",
      ledger: join(folder, "ledger.db"),
    })
    for (const decision of await desk.pending()) await desk.approve(decision)
  }
  const dispose = async () => {
    await service.close()
    rmSync(folder, { recursive: true })
  }
  return { service, turn, approve, [Symbol.asyncDispose]: dispose }
}

const call = (id: string, price: number) => ({ id, name: "search", args: { price } })
const varieties = [
  "wrapped tools in an agent",
  "the middleware",
  "a ToolNode with one task",
  "a gate",
  "a governed node",
] as const satisfies readonly Variety[]

describe.concurrent.each(varieties)("Over processes, a paid call behind %s", (variety) => {
  test("waits in a file, ignores a yes, and runs once in the process that resumes it", async () => {
    await using stage = await stageOf(variety)
    const { turn, service } = stage
    assert.equal((await turn({ say: [call("c1", 30)] })).pending.length, 1)
    assert.equal((await turn({ answer: "yes" })).pending.length, 1)
    assert.equal(service.count("search"), 0)
    await stage.approve()
    const both = await Promise.all([turn({}), turn({})])
    assert.equal(service.count("search"), 1)
    const done = both.find(({ results }) => results.length === 1)
    assert.deepEqual(done?.results[0], { id: "c1", text: "search 1", status: "approved", settled: "30.00" })
  })

  test("that returned before a kill -9 and was not checkpointed gives its result, and does not run again", async () => {
    await using stage = await stageOf(variety)
    const { turn, service } = stage
    assert.equal((await turn({ say: [call("c1", 5)], dies: true })).ended, "SIGKILL")
    assert.equal(service.count("search"), 1)
    const { results } = await turn({ again: true })
    assert.deepEqual(results, [{ id: "c1", text: "search 1", status: "approved", settled: "5.00" }])
    assert.equal(service.count("search"), 1)
  })

  test("that was approved, ran and died is not run again by the same resume", async () => {
    await using stage = await stageOf(variety)
    const { turn, service } = stage
    await turn({ say: [call("c1", 30)] })
    await stage.approve()
    assert.equal((await turn({ dies: true })).ended, "SIGKILL")
    const { results } = await turn({})
    assert.equal(results[0]?.text, "search 1")
    assert.equal(service.count("search"), 1)
  })
})
