import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import { ReviewDesk, Wallet } from "@nornr/core"
import { afterEach, beforeEach, describe, test } from "vitest"
import { keys, Project } from "./terminal.ts"

let project: Project
beforeEach(() => {
  project = new Project()
})
afterEach(() => project.remove())

async function withQueued(...amounts: readonly number[]): Promise<void> {
  await using wallet = await Wallet.create({
    owner: "ops",
    ledger: project.ledger,
    dailyLimit: 500,
    requireApprovalAbove: 10,
  })
  for (const amount of amounts) {
    await wallet.pay({
      amount,
      to: "vendor.example",
      purpose: `order of ${amount}`,
      args: { amount, evil: "\u202eabc" },
    })
  }
}

async function decided(): Promise<readonly (string | undefined)[]> {
  await using wallet = await Wallet.connect({ owner: "ops", ledger: project.ledger })
  const found: (string | undefined)[] = []
  for await (const { type, data } of wallet.trail()) {
    if (type !== "decision.made") continue
    const decision = await wallet.decision(String(data["decision"]))
    found.push(`${decision?.approval?.state} ${decision?.approval?.comment ?? ""}`.trim())
  }
  return found
}

describe("a person in a terminal", () => {
  test("decides one after another, with the arguments shown and a comment", async () => {
    await withQueued(20, 30, 40)
    const terminal = project.terminal("approvals", "triage")
    await terminal.shows("3 decisions to review as ana@example.com")
    await terminal.shows("order of 20")
    await terminal.shows('"amount":20')
    await terminal.shows("20.00 USD to vendor.example?")
    terminal.type(keys.down + keys.enter)
    await terminal.shows("A comment?")
    terminal.type(`fine${keys.enter}`)
    await terminal.shows("approved by ana@example.com")
    await terminal.shows("30.00 USD to vendor.example?")
    terminal.type(keys.down + keys.down + keys.enter)
    await terminal.shows("A comment?")
    terminal.type(keys.enter)
    await terminal.shows("rejected by ana@example.com")
    await terminal.shows("40.00 USD to vendor.example?")
    terminal.type(keys.enter)
    await terminal.shows("2 decisions reviewed, 1 left")
    assert.equal(await terminal.ended, 0)
    assert.deepEqual(await decided(), ["approved fine", "rejected", "pending"])
    assert(!terminal.raw.includes("\u202e"), "a text turned the line around")
  })

  test("leaves with Ctrl+C, and nothing more is decided", async () => {
    await withQueued(20)
    const terminal = project.terminal("approvals", "triage")
    await terminal.shows("20.00 USD to vendor.example?")
    terminal.type(keys.interrupt)
    await terminal.shows("what was not decided stays pending")
    assert.equal(await terminal.ended, 130)
    assert.deepEqual(await decided(), ["pending"])
  })

  test("reads in triage what somebody else has decided meanwhile", async () => {
    await withQueued(20)
    const terminal = project.terminal("approvals", "triage")
    await terminal.shows("20.00 USD to vendor.example?")
    await using desk = await ReviewDesk.open({ ledger: project.ledger, reviewer: "bob" })
    const [pending] = await desk.pending()
    await desk.reject(pending?.id ?? "")
    terminal.type(keys.down + keys.enter)
    await terminal.shows("A comment?")
    terminal.type(keys.enter)
    await terminal.shows("bob rejected decision")
    assert.equal(await terminal.ended, 0)
  })

  test("watches what comes to be reviewed", async () => {
    await withQueued()
    const terminal = project.terminal("approvals", "--watch")
    await terminal.shows("waiting for decisions to review")
    await withQueued(33)
    await terminal.shows("order of 33")
    terminal.type(keys.interrupt)
    assert.equal(await terminal.ended, 0)
  })

  test("follows the trail", async () => {
    await withQueued(20)
    const terminal = project.terminal("trail", "--follow")
    await terminal.shows("decision.made queued")
    await withQueued(33)
    await terminal.shows("33.00")
    terminal.type(keys.interrupt)
    assert.equal(await terminal.ended, 0)
  })

  test("answers two questions and has a wallet", async () => {
    writeFileSync(
      project.at("package.json"),
      JSON.stringify({ name: "my-agent", dependencies: { langchain: "1" } }),
    )
    const terminal = project.terminal("init")
    await terminal.shows("How much may it spend a day")
    terminal.type(`\u0015abc${keys.enter}`)
    await terminal.shows('is "abc"')
    terminal.type(`\u0015${"\b".repeat(8)}70${keys.enter}`)
    await terminal.shows("Above which amount does a person decide")
    terminal.type(`${"\b".repeat(4)}25${keys.enter}`)
    await terminal.shows('import { governedTool, Wallet } from "@nornr/langchain"')
    await terminal.shows("requireApprovalAbove: 25")
    assert.equal(await terminal.ended, 0)
    await using wallet = await Wallet.connect({ owner: "my-agent", ledger: project.ledger })
    assert.equal((await wallet.balance()).limits[0]?.limit, "70.00")
  })

  test("sees colours, and none with NO_COLOR", async () => {
    await withQueued(20)
    const coloured = project.terminal("status")
    await coloured.shows("ops")
    assert.equal(await coloured.ended, 0)
    assert(coloured.raw.includes("\u001b["))
    const plain = project.terminalWith({ NO_COLOR: "1" }, "status")
    await plain.shows("ops")
    assert.equal(await plain.ended, 0)
    assert(!plain.raw.includes("\u001b["))
    for (const line of plain.text.split("\r\n")) assert([...line].length <= 80, line)
  })
})
