import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { ReviewDesk, Wallet } from "@nornr/core"
import { startMeteredService } from "@nornr/core/contracts"
import { describe, test } from "vitest"
import type { Came, Turn } from "./workers/turn.ts"

/** Each turn is a process of its own, on one ledger file and one saved state. */
async function stageOf(form: "wrapped" | "created") {
  const folder = mkdtempSync(join(tmpdir(), "nornr-turns-"))
  const ledger = join(folder, "ledger.db")
  const service = await startMeteredService()
  const script = fileURLToPath(new URL("./workers/turn.ts", import.meta.url))
  const turn = async (what: Turn): Promise<Came & { readonly ended: unknown }> => {
    const args = [script, form, folder, service.url, JSON.stringify(what)]
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] })
    let text = ""
    child.stdout.on("data", (chunk) => {
      text += chunk
    })
    const [code, signal] = await once(child, "close")
    return { pending: [], ...(text === "" ? {} : JSON.parse(text)), ended: code ?? signal }
  }
  const approve = async () => {
    await using desk = await ReviewDesk.open({ owner: "agent", reviewer: "ana", ledger })
    for (const decision of await desk.pending()) await desk.approve(decision)
  }
  const events = async () => {
    await using wallet = await Wallet.connect({ owner: "agent", ledger })
    return (await Array.fromAsync(wallet.trail())).map(({ type }) => type)
  }
  const dispose = async () => {
    await service.close()
    rmSync(folder, { recursive: true })
  }
  return { service, turn, approve, events, [Symbol.asyncDispose]: dispose }
}

describe.concurrent.each(["wrapped", "created"] as const)("Over processes, a tool that is %s", (form) => {
  test("waits in a state that is kept as text, ignores the SDK's yes, and runs once in whichever process resumes", async () => {
    await using stage = await stageOf(form)
    const { turn, service } = stage
    assert.equal((await turn({ price: 30 })).pending.length, 1)
    assert.equal((await turn({})).pending.length, 1)
    assert.match((await turn({ yes: true })).text ?? "", /^Not run: a person must approve this/)
    assert.equal(service.count("search"), 0)
    await stage.approve()
    const both = await Promise.all([turn({}), turn({})])
    assert.deepEqual(
      both.map(({ text, settled }) => [text, settled]),
      [
        ["search 1", "30.00"],
        ["search 1", "30.00"],
      ],
    )
    assert.equal(service.count("search"), 1)
    assert.equal((await stage.events()).filter((type) => type === "decision.made").length, 1)
  })

  test("that had ended before a kill -9 gives its result to the same state, and does not run again", async () => {
    await using stage = await stageOf(form)
    const { turn, service } = stage
    await turn({ price: 30 })
    await stage.approve()
    assert.equal((await turn({ dies: "ended" })).ended, "SIGKILL")
    assert.equal(service.count("search"), 1)
    assert.deepEqual(await turn({}), { pending: [], text: "search 1", settled: "30.00", ended: 0 })
    assert.equal(service.count("search"), 1)
  })

  test("runs once after a deploy that changed its schema, from the state of before", async () => {
    await using stage = await stageOf(form)
    const { turn, service } = stage
    await turn({ price: 30 })
    await stage.approve()
    for (let round = 0; round < 2; round++) {
      const { text, settled } = await turn({ changed: true })
      assert.deepEqual([text, settled], ["search 1", "30.00"])
    }
    assert.equal(service.count("search"), 1)
  })

  test("that was killed while it ran is unknown, stays held and does not run again", async () => {
    await using stage = await stageOf(form)
    const { turn, service } = stage
    await turn({ price: 30 })
    await stage.approve()
    assert.equal((await turn({ dies: "running" })).ended, "SIGKILL")
    const { text } = await turn({ later: 61_000 })
    assert.match(text ?? "", /^Its outcome is unknown: it may have run, and is not run again/)
    assert.equal(service.count("search"), 1)
  })
})
