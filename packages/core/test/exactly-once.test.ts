import assert from "node:assert/strict"
import { join } from "node:path"
import { afterEach, beforeEach, describe, test } from "vitest"
import { type MeteredService, startMeteredService } from "../src/contracts/index.ts"
import { ReviewDesk, Wallet } from "../src/index.ts"
import { runWorker, startWorker, untilKilled } from "./processes.ts"
import { temporaryFolder } from "./temporary-folder.ts"
import type { GovernWork } from "./workers/govern.ts"

const key = "t/m/c1"
const lease = 61_000

let folder: ReturnType<typeof temporaryFolder>
let path: string
let service: MeteredService
let wallet: Wallet

beforeEach(async () => {
  folder = temporaryFolder()
  path = join(folder.path, "ledger.db")
  service = await startMeteredService()
  wallet = await Wallet.create({ owner: "team", dailyLimit: 100, requireApprovalAbove: 20, ledger: path })
})

afterEach(async () => {
  await wallet.close()
  await service.close()
  folder.remove()
})

const work = (part: Partial<GovernWork> = {}) => JSON.stringify({ path, url: service.url, key, ...part })
const run = (part: Partial<GovernWork> = {}) => runWorker("govern", [work(part)])
const deskAhead = (ahead = lease) =>
  ReviewDesk.open({ ledger: path, reviewer: "ana", clock: { now: () => new Date(Date.now() + ahead) } })

async function requireSound(): Promise<void> {
  const report = await wallet.verify()
  assert(report.ok, report.ok ? "" : report.message)
}

async function approve(): Promise<void> {
  await using desk = await deskAhead(0)
  for (const decision of await desk.pending()) await desk.approve(decision)
}

describe("one paid call", () => {
  test("runs once, though four processes resume it five times at once each", async () => {
    const [asked] = await run({ amount: 30 })
    assert.equal(asked, "queued")
    await approve()
    const lines = await Promise.all([1, 2, 3, 4].map(() => run({ times: 5 })))
    assert.deepEqual(lines.flat(), Array(20).fill("done 1 settled"))
    assert.equal(service.count("render"), 1)
    await requireSound()
  })

  // What was not durable yet never was; what was claimed and has no end is one that nobody knows.
  const kills: readonly (readonly [string, Partial<GovernWork>, string, number])[] = [
    ["asking", {}, "done 1 settled", 1],
    ["asking", { asksAhead: true }, "done 1 settled", 1],
    ["asked", { asksAhead: true }, "done 1 settled", 1],
    ["claiming", { asksAhead: true }, "done 1 settled", 1],
    ["claiming", {}, "done 1 settled", 1],
    ["claimed", {}, "unknown", 0],
    ["claimed", { asksAhead: true }, "unknown", 0],
    ["running", {}, "unknown", 0],
    ["requested", {}, "unknown", 1],
    ["settling", {}, "unknown", 1],
    ["settled", {}, "done 1 settled", 1],
  ]
  for (const [killAt, part, expected, count] of kills) {
    const how = part.asksAhead === true ? ", asked ahead" : ""
    test(`killed (-9) when ${killAt}${how}: asked again it is ${expected}, the vendor has seen ${count}`, async () => {
      await untilKilled("govern", [work({ ...part, killAt })])
      assert.deepEqual(await run({ ahead: lease }), [expected])
      assert.equal(service.count("render"), count)
      await using desk = await deskAhead()
      const unknown = await desk.unknown()
      assert.equal(unknown.length, expected === "unknown" ? 1 : 0)
      if (expected === "unknown") assert.equal((await wallet.balance()).limits[0]?.held, "5.00")
      await requireSound()
    })
  }

  test("killed (-9) with its outcome unknown runs again where it may, with the same key for the vendor", async () => {
    await untilKilled("govern", [work({ killAt: "requested" })])
    assert.deepEqual(await run({ ahead: lease, idempotent: true }), ["done 2 settled"])
    const [first, second, third] = service.keys("render")
    assert(first?.startsWith("dec_") && first === second && third === undefined)
    assert.equal((await wallet.balance()).limits[0]?.settled, "5.00")
    await requireSound()
  })

  test("suspended past its lease and woken never overwrites what the desk decided", async () => {
    const release = service.hold("render")
    const worker = startWorker("govern", [work()])
    await service.requested("render", 1)
    worker.child.kill("SIGSTOP")
    await using desk = await deskAhead()
    const [lost] = await desk.unknown()
    assert(lost !== undefined)
    await desk.settle(lost, 2, { comment: "the vendor says 2.00" })
    worker.child.kill("SIGCONT")
    release()
    assert.deepEqual(await worker.lines(), ["done 1 settled"])
    const types: string[] = []
    for await (const { type } of wallet.trail()) types.push(type)
    assert.deepEqual(types.slice(-2), ["spend.late_outcome", "spend.overage"])
    assert.equal((await wallet.decision(key))?.execution.settled, "5.00")
    await requireSound()
  })

  test("suspended past its lease and woken is settled where nobody has decided", async () => {
    const release = service.hold("render")
    const worker = startWorker("govern", [work()])
    await service.requested("render", 1)
    worker.child.kill("SIGSTOP")
    await using desk = await deskAhead()
    assert.equal((await desk.unknown()).length, 1)
    worker.child.kill("SIGCONT")
    release()
    assert.deepEqual(await worker.lines(), ["done 1 settled"])
    assert.deepEqual(await desk.unknown(), [])
    assert.deepEqual(await run(), ["done 1 settled"])
    assert.equal(service.count("render"), 1)
    await requireSound()
  })

  test("that takes longer than its lease keeps it, by renewing it", async () => {
    assert.deepEqual(await runWorker("slow-tool", []), ["unknown: 0", "once", "once"])
  })

  test("resumed by two watchers of one queue, one of which dies holding it, runs once", async () => {
    for (const thread of ["t1", "t2", "t3"]) {
      const asked = await wallet.govern(
        { tool: "render", key: thread, amount: 30, to: "render.example", run: { thread } },
        () => "never",
      )
      assert.equal(asked.status, "queued")
    }
    const dying = untilKilled("watch", [path, service.url, "0", "die"])
    await approve()
    await dying
    const watchers = [1, 2].map(() => startWorker("watch", [path, service.url, `${lease}`]))
    await service.requested("render", 3)
    for (const { child } of watchers) child.kill("SIGTERM")
    for (const { ended } of watchers) await ended
    assert.equal(service.count("render"), 3)
    await requireSound()
  })
})
