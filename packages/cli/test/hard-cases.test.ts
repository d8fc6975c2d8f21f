import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ReviewDesk, Wallet } from "@nornr/core"
import { afterAll, beforeAll, describe, test } from "vitest"
import { Project } from "./terminal.ts"

let project: Project
let settled: string

/** A wallet with an agent's own terms, and more events than are listed by default. */
beforeAll(async () => {
  project = new Project()
  const { ledger } = project
  await using wallet = await Wallet.create({ owner: "ops", ledger, dailyLimit: 100 })
  await using desk = await ReviewDesk.open({ ledger, reviewer: "ana" })
  await desk.amend({ dailyLimit: 20 }, { agent: "buyer" })
  await desk.freeze({ agent: "buyer" })
  const decisions = await Promise.all(
    Array.from({ length: 60 }, () => wallet.pay({ amount: 1, to: "vendor.example" })),
  )
  settled = decisions[0]?.id ?? ""
  await wallet.settle(settled, 1)
  await desk.adjust(settled, 0.5, { reason: "a refund came" })
})
afterAll(() => project.remove())

const main = join(import.meta.dirname, "../src/main.ts")
const started = (...args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [main, ...args], { cwd: project.folder, stdio: ["ignore", "pipe", "pipe"] })

describe("nornr", () => {
  test("takes options before a subcommand's name for its own, and refuses those that it does not take", async () => {
    const other = new Project()
    await using _wallet = await Wallet.create({ owner: "o", dailyLimit: 5, ledger: other.ledger })
    const set = await project.run("mandate", "--ledger", other.ledger, "--json", "set", "dailyLimit=7")
    assert.equal(set.code, 0, set.err)
    assert.equal((JSON.parse(set.out) as { mandate: { owner: string } }).mandate.owner, "o")
    const refused = await project.run("checkpoint", "--watch", "init", "--name", "x")
    assert.deepEqual([refused.code, refused.err.includes("does not take --watch")], [2, true], refused.err)
    other.remove()
  })

  test("says what it has found, though its reader has left", async () => {
    const lines = (await project.run("export")).out
    writeFileSync(project.at("bad.jsonl"), lines.replace('"cost":"1.00"', '"cost":"0.10"'))
    const left = async (...args: readonly string[]) => {
      const child = started(...args)
      child.stdout?.destroy()
      child.stderr?.destroy()
      return ((await once(child, "exit")) as [number])[0]
    }
    assert.equal(await left("verify", "bad.jsonl"), 3)
    assert.equal(await left("verify", "--json", "bad.jsonl"), 3)
    assert.equal(await left("approvals", "approve", "dec_none", "--json"), 1)
    assert.equal(await left("status", "--bogus", "--json"), 2)
    assert.equal(await left("trail"), 0)
  })

  test.skipIf(!existsSync("/dev/full"))("says that its output cannot be written", async () => {
    const child = spawn("sh", ["-c", `"${process.execPath}" "${main}" status > /dev/full`], {
      cwd: project.folder,
    })
    let said = ""
    child.stderr.on("data", (data) => (said += data))
    const [code] = (await once(child, "exit")) as [number]
    assert.equal(code, 1)
    assert.match(said, /^nornr: The output cannot be written \(.*ENOSPC.*\)\.\n$/)
  })

  test("takes no empty key for a pinned one, and no file for compared with what it is not", async () => {
    const empty = await project.runWith({ NORNR_CHECKPOINT_KEYS: "" }, "verify")
    assert.deepEqual([empty.code, empty.err.includes("NORNR_CHECKPOINT_KEYS is empty")], [1, true])
    const missing = await project.run("verify", "--key", "no-such.pub")
    assert.match(missing.err, /no-such\.pub cannot be read/)
    await project.run("evidence", "packet", settled, "-o", "packet.json")
    writeFileSync(project.at("receipt.json"), JSON.stringify({ wallet: "ops", seq: 1, hash: "0".repeat(64) }))
    const packet = await project.run("verify", "packet.json", "--receipt", "receipt.json")
    assert.deepEqual([packet.code, packet.err.includes("--receipt says nothing about this file")], [1, true])
    const receipt = await project.run("verify", "--receipt", "receipt.json")
    assert.equal(receipt.code, 3)
    assert.doesNotMatch(receipt.out, /receipt fit/)
  })

  test("finds events of a type however far back, and names whom and what they are about", async () => {
    const { out } = await project.run("trail", "--type", "control.")
    assert.match(out, /control\.set freeze .*agent buyer/)
    const one = await project.run("trail", settled.slice(-6))
    assert.match(one.out, /spend\.adjusted[^\n]*\n +“a refund came”/)
    const mixed = await project.run("trail", settled, "--type", "spend.")
    assert.match(mixed.err, /--type does not go with one decision/)
    const since = await project.run("trail", "--since", "5x")
    assert.match(since.err, /--since is "5x"\. Use ISO 8601 with a zone.*24h/)
  })

  test("says whether terms were recorded", async () => {
    const same = await project.run("mandate", "set", "dailyLimit=100")
    assert.match(same.out, /nothing was recorded: who set them stays code/)
    const other = await project.run("mandate", "set", "dailyLimit=101")
    assert.match(other.out, /from now on the terms in code are ignored/)
  })

  test("shows agents' own budgets and what was settled, and needs no key to read", async () => {
    const { out, code } = await project.runWith({ NORNR_REVIEWER_KEY: "/no/such/key" }, "status")
    assert.equal(code, 0)
    assert.match(out, /agent buyer\n.*20\.00 left of 20\.00/)
    const { wallets } = await project.json<{ wallets: { agentLimits: { agent: string }[] }[] }>("status")
    assert.equal(wallets[0]?.agentLimits[0]?.agent, "buyer")
  })

  test("takes the ids that the trail shows, and writes out what cannot be seen", async () => {
    const attached = await project.run(
      ...["evidence", "attach", settled.slice(-8), "--kind", "invoice", "--url", "urn:invoice:1"],
      ...["--as", "eve\u202e"],
    )
    assert.deepEqual([attached.code, attached.out.includes("\\u{202e}")], [0, true], attached.out)
    assert.match((await project.run("evidence", settled.slice(-8))).out, /urn:invoice:1/)
  })

  test("signs whenever there is something new, and keeps a public key that is there", async () => {
    const { publicKey } = await project.json<{ publicKey: string }>(
      "checkpoint",
      "init",
      "--name",
      "x.example",
    )
    const watching = started(
      "checkpoint",
      "--watch",
      "--json",
      "--every-events",
      "1",
      "--to-file",
      "kept.txt",
    )
    let said = ""
    watching.stdout?.on("data", (data) => (said += data))
    const lines = () => said.trim().split("\n").filter(Boolean)
    while (lines().length < 1) await once(watching.stdout as NodeJS.ReadableStream, "data")
    await using wallet = await Wallet.connect({ owner: "ops", ledger: project.ledger })
    await wallet.pay({ amount: 1, to: "vendor.example" })
    while (lines().length < 2) await once(watching.stdout as NodeJS.ReadableStream, "data")
    watching.kill("SIGINT")
    assert.deepEqual(await once(watching, "exit"), [0, null])
    const sizes = lines().map((line) => (JSON.parse(line) as { size: number }).size)
    assert.equal(sizes[1], (sizes[0] ?? 0) + 1)
    assert.match(readFileSync(project.at("kept.txt"), "utf8"), new RegExp(`^x\\.example\n${sizes[1]}\n`))

    const key = project.at(".nornr/checkpoint.key")
    renameSync(key, `${key}.away`)
    const again = await project.run("checkpoint", "init", "--name", "x.example")
    assert.deepEqual([again.code, again.err.includes("checkpoint.key.pub already")], [1, true], again.err)
    assert.equal(readFileSync(`${key}.pub`, "utf8"), `${publicKey}\n`)
    assert(!existsSync(key))
  })
})
