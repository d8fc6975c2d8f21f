import assert from "node:assert/strict"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, test } from "vitest"
import { ReviewDesk, Wallet } from "../src/index.ts"
import { temporaryFolder } from "./temporary-folder.ts"

const secrets = {
  purpose: "purpose-zebra-41",
  args: "args-walrus-52",
  result: "result-ocelot-63",
  error: "error-lemur-74",
  approval: "approval-heron-85",
  remark: "remark-gecko-96",
  rejected: "rejected-otter-17",
}

/** All bytes of the ledger's files, its write-ahead log and shared memory too. */
function bytesIn(folder: string): Buffer {
  return Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))))
}

describe("what people and models said", () => {
  test("is in no event, and in no byte of the ledger when its time is over", async () => {
    const folder = temporaryFolder()
    const ledger = join(folder.path, "ledger.db")
    let now = Date.parse("2026-11-22T10:00:00Z")
    const clock = { now: () => new Date(now) }
    const terms = { dailyLimit: 100, requireApprovalAbove: 20, retention: "7d" } as const
    const wallet = await Wallet.create({ owner: "o", ...terms, ledger, clock })
    const desk = await ReviewDesk.open({ ledger, clock, reviewer: "ana" })
    const call = {
      tool: "search",
      key: "k",
      amount: 30,
      to: "openai",
      purpose: secrets.purpose,
      args: secrets.args,
    }
    await wallet.govern(call, () => secrets.result)
    for (const decision of await desk.pending()) await desk.approve(decision, { comment: secrets.approval })
    const done = await wallet.govern(call, () => secrets.result)
    await desk.adjust(done.decision, 1, { reason: secrets.remark })
    const failed = await wallet.govern({ ...call, key: "f", amount: 1 }, () => {
      throw new Error(secrets.error)
    })
    await desk.release(failed.decision, { comment: secrets.remark })
    await wallet.govern({ ...call, key: "r", amount: 500, args: secrets.rejected }, () => "never")

    const bodies: string[] = []
    for await (const { remark: _apart, ...event } of wallet.trail()) bodies.push(JSON.stringify(event))
    for (const secret of Object.values(secrets)) {
      assert(!bodies.join().includes(secret), `${secret} is in an event`)
      assert(bytesIn(folder.path).includes(secret), `${secret} is kept for a while`)
    }

    now += 8 * 86_400_000
    await wallet.pay({ amount: 1, to: "openai" })
    await new Promise((turn) => setImmediate(turn))
    for (const secret of Object.values(secrets))
      assert(!bytesIn(folder.path).includes(secret), `${secret} is still there`)
    const report = await wallet.verify()
    assert(report.ok, report.ok ? "" : report.message)
    assert.equal((await wallet.decision(done.decision.id))?.approval?.by, "ana")
    for (const each of [wallet, desk]) await each.close()
    for (const secret of Object.values(secrets)) assert(!bytesIn(folder.path).includes(secret))
    folder.remove()
  })

  test("stays as long as somebody may need it: while it waits, or is held", async () => {
    const folder = temporaryFolder()
    const ledger = join(folder.path, "ledger.db")
    let now = Date.parse("2026-11-22T10:00:00Z")
    const clock = { now: () => new Date(now) }
    const terms = { dailyLimit: 100, requireApprovalAbove: 20, approvalTtl: "30d", retention: "1d" } as const
    await using wallet = await Wallet.create({ owner: "o", ...terms, ledger, clock })
    await using desk = await ReviewDesk.open({ ledger, clock, reviewer: "ana" })
    await wallet.pay({ amount: 30, to: "openai", args: secrets.args })
    await wallet.govern({ tool: "t", amount: 1, to: "openai", args: secrets.args }, () => {
      throw new Error("no")
    })
    now += 10 * 86_400_000
    await wallet.pay({ amount: 1, to: "openai" })
    await new Promise((turn) => setImmediate(turn))
    assert.equal((await desk.pending())[0]?.args, secrets.args)
    assert.equal((await desk.failed())[0]?.args, secrets.args)
    folder.remove()
  })
})
