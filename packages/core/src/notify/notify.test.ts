import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { promisify } from "node:util"
import { afterEach, beforeEach, describe, test } from "vitest"
import { temporaryFolder } from "../../test/temporary-folder.ts"
import { governed, type Notification, notCharged, ReviewDesk, Wallet } from "../index.ts"
import { testClock } from "../testing/test-clock.ts"

let folder = temporaryFolder()
let ledger = ""
beforeEach(() => {
  folder = temporaryFolder()
  ledger = join(folder.path, "ledger.db")
})
afterEach(() => folder.remove())

const terms = { owner: "o", dailyLimit: 100, requireApprovalAbove: 25 } as const
const kinds = ["queued", "resolved", "overage", "unknown", "nearing"] as const

function listen(wallet: Wallet): Notification[] {
  const told: Notification[] = []
  for (const kind of kinds) wallet.on(kind, (each) => void told.push(each))
  return told
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !isTrue(); turn++) await pause(20)
  assert(isTrue())
}

const names = (told: readonly Notification[]) => told.map(({ kind }) => kind)

describe("a wallet tells", () => {
  test("what is queued and resolved, also by another wallet object and the desk", async () => {
    await using wallet = await Wallet.create({ ...terms, ledger })
    const told = listen(wallet)
    await using other = await Wallet.connect({ owner: "o", ledger })
    const { id } = await other.pay({ amount: 30, to: "x" })
    await until(() => told.length === 1)
    await using desk = await ReviewDesk.open({ ledger, reviewer: "ana" })
    await desk.approve(id)
    await until(() => told.length === 2)
    const [queued, resolved] = told
    assert(queued?.kind === "queued" && resolved?.kind === "resolved")
    assert.deepEqual([queued.decision.id, queued.wallet, queued.id], [id, "o", "o/2/queued"])
    assert.equal(resolved.decision.approval?.by, "ana")
  })

  test("an overage, and an outcome that nobody knows", async () => {
    const clock = testClock("2026-11-23T10:00:00Z")
    await using wallet = await Wallet.create({ ...terms, ledger: "memory:", clock })
    const told = listen(wallet)
    const decision = await wallet.pay({ amount: 1, to: "x" })
    await wallet.settle(decision, 3)
    await until(() => told.length === 1)
    assert(told[0]?.kind === "overage" && told[0].amount === "2.00")
    let end = () => {}
    const hanging = wallet.govern(
      { tool: "t", key: "k", amount: 1, to: "x" },
      () => new Promise<void>((resolve) => (end = resolve)),
    )
    await pause(20)
    clock.advance("2m")
    await wallet.pay({ amount: 1, to: "x" })
    await until(() => told.length === 2)
    assert(told[1]?.kind === "unknown" && told[1].decision.idempotencyKey === "k")
    end()
    await hanging
  })

  test("once at 80 and once at 95 per cent of any limit, of the wallet's and of an agent's", async () => {
    await using wallet = await Wallet.create({
      owner: "o",
      ledger,
      limits: [
        { amount: 100, per: "day" },
        { count: 10, by: "counterparty" },
      ],
    })
    const told = listen(wallet)
    const agent = wallet.forAgent("buyer", { dailyLimit: 50 })
    const own: string[] = []
    agent.on("nearing", ({ limit, percent }) => void own.push(`${limit.name} ${percent}`))
    await agent.pay({ amount: 39, to: "a" })
    await agent.pay({ amount: 1, to: "a" })
    await agent.pay({ amount: 1, to: "a" })
    await agent.pay({ amount: 9, to: "b" })
    await until(() => told.length === 2)
    for (let index = 0; index < 8; index++) await wallet.pay({ amount: 1, to: "c" })
    await until(() => told.length === 3)
    await wallet.pay({ amount: 40, to: "b" })
    await until(() => told.length === 4)
    const near = told.map(
      (each) => each.kind === "nearing" && `${each.limit.name} ${each.limit.bucket ?? ""} ${each.percent}`,
    )
    assert.deepEqual(near, [
      "dailyLimit  80",
      "dailyLimit  95",
      "10 spends by counterparty c 80",
      "100.00 USD per day  95",
    ])
    assert.deepEqual(own, ["dailyLimit 80", "dailyLimit 95"])
  })

  test("nothing that was near before it listened, and what is near a limit that was moved only anew", async () => {
    await using wallet = await Wallet.create({ owner: "o", ledger, dailyLimit: 10 })
    await wallet.pay({ amount: 9, to: "x" })
    const told = listen(wallet)
    await wallet.pay({ amount: 0.1, to: "x" })
    await using desk = await ReviewDesk.open({ ledger, reviewer: "ana" })
    await desk.amend({ dailyLimit: 100 })
    await wallet.pay({ amount: 70.9, to: "x" })
    await until(() => told.length === 1)
    assert(told[0]?.kind === "nearing" && told[0].percent === 80 && told[0].limit.limit === "100.00")
  })

  test("until it is stopped, and refuses a kind or a listener that is none", async () => {
    await using wallet = await Wallet.create({ ...terms, ledger })
    const told: string[] = []
    const stop = wallet.on("queued", ({ kind }) => void told.push(kind))
    await wallet.pay({ amount: 30, to: "x" })
    await until(() => told.length === 1)
    stop()
    await wallet.pay({ amount: 30, to: "x" })
    await pause(100)
    assert.equal(told.length, 1)
    assert.throws(() => wallet.on("nothing" as never, () => undefined), { code: "invalid_option" })
    assert.throws(() => wallet.on("queued", "x" as never), { code: "invalid_option" })
  })

  test("no more once it is closed, and each thing once, however often somebody listens anew", async () => {
    await using wallet = await Wallet.create({ ...terms, ledger, dailyLimit: 10_000, maxPending: 200 })
    const told: string[] = []
    const heard: string[] = []
    const hear = (notification: Notification) => {
      told.push(notification.id)
      if ("decision" in notification) heard.push(notification.decision.id)
    }
    for (let round = 0; round < 5; round++) {
      const closed = await Wallet.connect({ owner: "o", ledger })
      closed.on("queued", hear)
      await closed.close()
    }
    const agent = wallet.forAgent("a")
    agent.on("queued", hear)
    await agent.close()
    await agent.pay({ amount: 30, to: "x" }).catch(() => undefined)
    let stop = wallet.on("queued", hear)
    for (let round = 0; round < 10; round++) {
      const asks = Array.from({ length: 10 }, () => wallet.pay({ amount: 30, to: "x" }))
      stop()
      stop = wallet.on("queued", hear)
      await Promise.all(asks)
    }
    await pause(50)
    const { id } = await wallet.pay({ amount: 30, to: "x" })
    await until(() => told.length > 0)
    await pause(200)
    assert.equal(new Set(told).size, told.length, "something was told twice")
    assert(heard.includes(id), "what came after the last listener was not told")
  })

  test("of each of two limits that share a budget, the soft one and the hard one", async () => {
    const limits = [{ amount: 50, per: "day", over: "queue" }] as const
    await using wallet = await Wallet.create({ owner: "o", ledger, dailyLimit: 100, limits })
    const told: string[] = []
    wallet.on(
      "nearing",
      ({ limit, percent, id }) => void told.push(`${limit.limit} ${percent} ${id.length > 0}`),
    )
    await wallet.pay({ amount: 45, to: "x" })
    await until(() => told.length === 1)
    await wallet.pay({ amount: 40, to: "x" })
    await until(() => told.length === 3)
    assert.deepEqual(told.sort(), ["100.00 80 true", "50.00 80 true", "50.00 95 true"])
  })

  test("does not keep a process alive, and what it was to tell is told before it ends", async () => {
    const script = `
      import { Wallet } from ${JSON.stringify(join(import.meta.dirname, "../index.ts"))}
      const command = ["sh", "-c", "cat >> '${join(folder.path, "told")}'"]
      const wallet = await Wallet.create({ owner: "o", dailyLimit: 100, requireApprovalAbove: 1, ledger: ${JSON.stringify(ledger)}, notify: [{ command }] })
      wallet.on("queued", () => console.log("heard"))
      await wallet.pay({ amount: 30, to: "x" })`
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
      timeout: 20_000,
    })
    assert.equal(stdout, "heard\n")
    assert.equal((JSON.parse(readFileSync(join(folder.path, "told"), "utf8")) as Notification).kind, "queued")
  })
})

describe("who listens", () => {
  test("hears everything, however much comes at once, in its order", async () => {
    await using wallet = await Wallet.create({ ...terms, dailyLimit: 100_000, maxPending: 1000, ledger })
    const told: string[] = []
    wallet.on("queued", ({ decision }) => void told.push(decision.id))
    const asked = await Promise.all(Array.from({ length: 450 }, () => wallet.pay({ amount: 30, to: "x" })))
    await until(() => told.length === 450)
    assert.deepEqual(
      told,
      asked.sort((left, right) => left.receipt.seq - right.receipt.seq).map(({ id }) => id),
    )
  })

  test("hears of a limit at exactly 95 per cent, and of the one counted by agent", async () => {
    await using wallet = await Wallet.create({
      owner: "o",
      ledger,
      limits: [{ amount: 20, per: "day", by: "agent" }],
    })
    const told: unknown[] = []
    wallet.on("nearing", ({ percent, limit }) => void told.push([percent, limit.bucket]))
    await wallet.forAgent("buyer").pay({ amount: 18.99, to: "x" })
    await until(() => told.length === 1)
    await wallet.forAgent("buyer").pay({ amount: 0.01, to: "x" })
    await until(() => told.length === 2)
    assert.deepEqual(told, [
      [80, "buyer"],
      [95, "buyer"],
    ])
  })

  test("hears though another one throws, whose error is its own", async () => {
    const script = `
      import { Wallet } from ${JSON.stringify(join(import.meta.dirname, "../index.ts"))}
      process.on("uncaughtException", ({ message }) => console.log(message))
      const wallet = await Wallet.create({ owner: "o", dailyLimit: 100, requireApprovalAbove: 1, ledger: ${JSON.stringify(ledger)} })
      wallet.on("queued", () => { throw new Error("mine") })
      wallet.on("queued", () => console.log("heard"))
      await wallet.pay({ amount: 30, to: "x" })
      await wallet.close()`
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script])
    assert.deepEqual(stdout.trim().split("\n").sort(), ["heard", "mine"])
  })
})

describe("who listens anew", () => {
  test("while something is told hears of what comes next", async () => {
    await using wallet = await Wallet.create({ ...terms, ledger })
    let times = 0
    let stop = () => {}
    const again = () => {
      stop()
      times++
      stop = wallet.on("queued", again)
    }
    stop = wallet.on("queued", again)
    await wallet.pay({ amount: 30, to: "x" })
    await until(() => times === 1)
    await wallet.pay({ amount: 31, to: "x" })
    await until(() => times === 2)
  })
})

describe("a target of notifications", () => {
  test("is a command or a URL, and only a URL has headers", async () => {
    for (const target of [
      { command: ["true"], url: "https://x.example" },
      { command: ["true"], headers: { a: "b" } },
    ]) {
      const making = Wallet.create({ ...terms, ledger, notify: [target] as never })
      await assert.rejects(making, { code: "invalid_option" }, JSON.stringify(target))
    }
  })

  test("that was told holds up no process that has closed its wallet", async () => {
    const script = `
      import { Wallet } from ${JSON.stringify(join(import.meta.dirname, "../index.ts"))}
      const wallet = await Wallet.create({ owner: "o", dailyLimit: 100, ledger: ${JSON.stringify(ledger)}, notify: [{ command: ["true"] }] })
      await wallet.pay({ amount: 3, to: "x" })
      await wallet.close()
      console.log(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length)`
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script])
    assert.equal(stdout, "0\n")
  })

  test("is told in order by HTTP, of the kinds it asks for, and again where it fails", async () => {
    const bodies: Notification[] = []
    let failures = 1
    const server = createServer((request, response) => {
      let body = ""
      request
        .on("data", (piece) => (body += piece))
        .on("end", () => {
          if (failures-- > 0) return void response.writeHead(500).end()
          bodies.push(JSON.parse(body) as Notification)
          response.end()
        })
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as { port: number }
    const notify = [{ url: `http://127.0.0.1:${port}/`, on: ["queued", "resolved"] as const }]
    const wallet = await Wallet.create({ ...terms, ledger, notify })
    const free = governed(
      async (_args: object) => {
        throw notCharged(new Error("no"))
      },
      { name: "t", wallet, amount: 1, to: "x" },
    )
    await free({}, { key: "k" })
    const { id } = await wallet.pay({ amount: 30, to: "x" })
    await wallet.cancel(id)
    await pause(1500)
    await wallet.close()
    assert.deepEqual(names(bodies), ["queued", "resolved"])
    server.close()
  })

  test("that fails for good is given up with a warning, and holds up neither decisions nor the end", async () => {
    const warned: string[] = []
    const onWarning = ({ message }: Error) => void warned.push(message)
    process.on("warning", onWarning)
    const wallet = await Wallet.create({ ...terms, ledger, notify: [{ command: ["false"] }] })
    await wallet.pay({ amount: 30, to: "x" })
    await wallet.close()
    await pause(10)
    process.off("warning", onWarning)
    assert(warned.some((message) => message.includes("queued could not be told")))
  })

  test("is refused where it is none", async () => {
    for (const notify of [
      5,
      [{}],
      [{ url: "x" }],
      [{ command: "x" }],
      [{ url: "http://x", on: ["y"] }],
      [{ url: "http://x", x: 1 }],
    ]) {
      await assert.rejects(
        Wallet.create({ ...terms, ledger, notify } as never),
        { code: "invalid_option" },
        JSON.stringify(notify),
      )
    }
  })
})
