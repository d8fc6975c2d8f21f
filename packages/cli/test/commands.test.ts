import assert from "node:assert/strict"
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { type Decision, governed, ReviewDesk, Wallet } from "@nornr/core"
import { afterAll, beforeAll, describe, test } from "vitest"
import { Project } from "./terminal.ts"

let project: Project
let ids: Record<"queued" | "second" | "failed" | "settled", string>

/** A wallet in which something waits, something failed, something is settled and something was rejected. */
beforeAll(async () => {
  project = new Project()
  const ledger = project.ledger
  await using wallet = await Wallet.create({
    owner: "ops",
    ledger,
    dailyLimit: 100,
    requireApprovalAbove: 25,
  })
  const buy = governed(
    async ({ cost }: { cost: number; note?: string }) => {
      if (cost === 7) throw new Error("the vendor said 500")
      return { cost }
    },
    { name: "buy_report", wallet, amount: ({ cost }) => cost, to: "reports.example" },
  )
  const idOf = async (cost: number, note?: string): Promise<string> => {
    const outcome: { readonly decision: Decision } = await buy(
      { cost, ...(note === undefined ? {} : { note }) },
      { key: `k${cost}` },
    )
    return outcome.decision.id
  }
  ids = {
    settled: await idOf(5),
    queued: await idOf(30),
    second: await idOf(31, "x".repeat(300)),
    failed: await idOf(7),
  }
  await idOf(500)
})
afterAll(() => project.remove())

const widest = (text: string) => Math.max(...text.split("\n").map((line) => [...line].length))

describe("nornr", () => {
  test("shows budgets, what waits and the last decisions, in 80 columns, and as JSON", async () => {
    const { out, code } = await project.run("status")
    assert.equal(code, 0)
    assert.match(out, /ops {2}USD · mandate version 1/)
    assert.match(out, /27\.00 left of 100\.00 USD/)
    assert.match(out, /2 pending · 0 unknown · 1 failed and held/)
    assert.match(out, /rejected +500\.00 +reports\.example/)
    assert(widest(out) <= 80, out)
    assert(!out.includes("\u001b"))
    const { wallets } = await project.json<{
      wallets: { balance: { owner: string }; pending: number; last: unknown[] }[]
    }>("status")
    assert.deepEqual([wallets[0]?.balance.owner, wallets[0]?.pending, wallets[0]?.last.length], ["ops", 2, 5])
  })

  test("lists what waits with all of its arguments, however long they are", async () => {
    const { out } = await project.run("approvals")
    assert.match(out, /2 decisions wait for a review/)
    assert.equal(out.replace(/\s/g, "").match(/x{300}/)?.length, 1)
    assert(widest(out) <= 80)
    assert.equal((await project.json<{ pending: unknown[] }>("approvals", "list")).pending.length, 2)
  })

  test("approves and rejects as whoever it is told, on record, once", async () => {
    const approved = await project.run(
      "approvals",
      "approve",
      ids.queued,
      "--as",
      "bob",
      "--comment",
      "we need it",
    )
    assert.deepEqual([approved.out, approved.code], ["approved by bob: 30.00 USD to reports.example\n", 0])
    const again = await project.run("approvals", "approve", ids.queued)
    assert.match(again.out, /already approved by bob/)
    const rejected = await project.run("approvals", "reject", ids.queued)
    assert.deepEqual([rejected.code, rejected.out], [1, ""])
    assert.match(rejected.err, /^nornr: bob approved decision .* freeze the wallet/)
    const { decisions } = await project.json<{ decisions: Decision[] }>(
      "approvals",
      "reject",
      ids.second,
      "--comment",
      "too long",
    )
    assert.deepEqual(
      [decisions[0]?.approval?.by, decisions[0]?.approval?.comment],
      ["ana@example.com", "too long"],
    )
    assert.equal((await project.run("approvals")).out, "Nothing waits for a review.\n")
  })

  test("refuses whoever reviews what is theirs, unless it is told to mark that", async () => {
    const { code, err } = await project.run("freeze", "--as", "ops")
    assert.equal(code, 1)
    assert.match(err, /cannot review what it spends itself/)
  })

  test("settles and releases what is held", async () => {
    assert.match(
      (await project.run("unknown")).out,
      /that failed and may have been charged[\s\S]*the vendor said 500/,
    )
    const settled = await project.run(
      "unknown",
      "settle",
      ids.failed,
      "6.5",
      "--comment",
      "the invoice says so",
    )
    assert.match(settled.out, /settled at 6\.50 USD by ana@example\.com/)
    assert.match((await project.run("unknown", "release", ids.failed)).err, /settled already/)
    assert.match((await project.run("unknown")).out, /No outcome is unknown/)
  })

  test("tells the trail in a table, filtered, and one decision in full by the end of its id", async () => {
    const { out } = await project.run("trail")
    assert.match(out, /decision\.made rejected +500\.00/)
    assert(widest(out) <= 80, out)
    const { events } = await project.json<{ events: { type: string }[] }>("trail", "--type", "approval.")
    assert.deepEqual(
      events.map(({ type }) => type),
      ["approval.resolved", "approval.resolved"],
    )
    const one = await project.run("trail", ids.failed.slice(-8))
    assert.match(one.out, /approved, settled[\s\S]*7\.00 USD, settled at 6\.50[\s\S]*spend\.failed/)
    assert.equal((await project.json<{ decision: Decision }>("trail", ids.failed)).decision.id, ids.failed)
    assert.match((await project.run("trail", "zzzz")).err, /There is no decision "zzzz"/)
    assert.match((await project.run("trail", "--since", "yesterday")).err, /since is "yesterday"/)
  })

  test("shows, sets, compares and simulates mandates", async () => {
    assert.match((await project.run("mandate")).out, /dailyLimit +"100\.00"/)
    const simulated = await project.json<{ changes: unknown[] }>("mandate", "simulate", "dailyLimit=6")
    assert(simulated.changes.length > 0)
    assert.match((await project.run("mandate", "simulate", "dailyLimit=6")).out, /approved → rejected/)
    const set = await project.run("mandate", "set", "dailyLimit=120", "maxTransaction=50", "--as", "bob")
    assert.match(
      set.out,
      /version 1 → 2\n {2}- dailyLimit +"100\.00"\n {2}\+ dailyLimit +"120\.00"\n {2}\+ maxTransaction/,
    )
    writeFileSync(
      project.at("terms.json"),
      JSON.stringify({ limits: [{ count: 9, per: "hour" }], maxTransaction: null }),
    )
    assert.match((await project.run("mandate", "set", "--file", "terms.json")).out, /version 2 → 3/)
    assert.match((await project.run("mandate", "diff", "1", "3")).out, /\+ limits +/)
    assert.match(
      (await project.run("mandate", "diff", "9")).err,
      /There is no version "9"\. Use one of: 1, 2, 3\./,
    )
    for (const [args, said] of [
      [["dailyLimit=abc"], /dailyLimit is "abc"/],
      [["dailyLimt=5"], /dailyLimt is not a known name/],
      [["dailyLimit"], /"dailyLimit" is no term/],
      [[], /No term is given/],
      [["--file", "none.json"], /none\.json cannot be read/],
    ] as const) {
      const { code, err } = await project.run("mandate", "set", ...args)
      assert.equal(code, 1)
      assert.match(err, said)
    }
  })

  test("freezes and unfreezes a wallet or an agent", async () => {
    await project.run("freeze", "--agent", "buyer", "--review-only")
    await project.run("freeze")
    assert.match((await project.run("status")).out, /ops {2}frozen/)
    assert.match((await project.run("mandate")).out, /agent buyer {2}review_only/)
    assert.deepEqual(await project.json("unfreeze"), {
      state: "unfrozen",
      owner: null,
      agent: null,
      by: "ana@example.com",
    })
    await project.run("unfreeze", "--agent", "buyer")
    assert(!(await project.run("status")).out.includes("frozen"))
  })

  test("attaches evidence, and makes a packet and a proof that verify", async () => {
    writeFileSync(project.at("invoice.pdf"), "an invoice")
    const attached = await project.run(
      "evidence",
      "attach",
      ids.settled,
      "--kind",
      "invoice",
      "--file",
      "invoice.pdf",
      "--note",
      "by mail",
    )
    assert.match(attached.out, /Attached invoice sha256:[0-9a-f]{64}, by ana@example\.com\./)
    assert.match((await project.run("evidence", ids.settled)).out, /1 piece of evidence[\s\S]*invoice/)
    const { publicKey } = await project.json<{ publicKey: string }>(
      "checkpoint",
      "init",
      "--name",
      "example.com/spend",
    )
    const { size } = await project.json<{ size: number }>("checkpoint", "--to-file", "kept.txt")
    assert.equal(statSync(project.at(".nornr/checkpoint.key")).mode & 0o777, 0o600)
    assert.match(
      (await project.run("evidence", "packet", ids.settled, "-o", "packet.json")).out,
      /Wrote packet\.json/,
    )
    assert.match(
      (await project.run("evidence", "packet", ids.settled, "-o", "packet.json")).err,
      /packet\.json cannot be written/,
    )
    const verified = await project.run("verify", "packet.json", "--key", publicKey)
    assert.match(verified.out, new RegExp(`Sound[\\s\\S]*example.com/spend signed at ${size} events`))
    const { decision } = await project.json<{ decision: Decision }>("trail", ids.settled)
    writeFileSync(project.at("receipt.json"), JSON.stringify(decision.receipt))
    await project.run("evidence", "prove", "receipt.json", "-o", "proof.json")
    assert.match(
      (await project.run("verify", "proof.json", "--key", publicKey)).out,
      /a receipt under a checkpoint/,
    )
    const redacted = await project.run(
      "evidence",
      "redact",
      ids.settled,
      "--reason",
      "asked for",
      "--text",
      "args",
    )
    assert.match(redacted.out, /Deleted args of/)
    const rotated = await project.json<{ publicKey: string; previous: string }>(
      "checkpoint",
      "rotate",
      "--name",
      "example.com/spend",
    )
    assert(existsSync(rotated.previous) && rotated.publicKey !== publicKey)
    await project.run("checkpoint")
    await project.run("checkpoint", "prove", "kept.txt", "-o", "growth.json")
    const growth = await project.run("verify", "growth.json", "--key", publicKey, "--key", rotated.publicKey)
    assert.match(growth.out, /a ledger has only grown[\s\S]*Sound/)
  })

  test("exports in three formats, to a new file or to standard output", async () => {
    assert.match((await project.run("export", "-o", "trail.jsonl")).out, /Wrote trail\.jsonl/)
    assert.match(
      (await project.run("export", "-o", "trail.jsonl")).err,
      /There is a file at trail\.jsonl already/,
    )
    assert.match((await project.run("export", "--format", "csv")).out, /^wallet,seq,at,type/)
    assert.match(
      (await project.run("export", "--format", "markdown", "--owner", "ops")).out,
      /^# Trail\n\n## ops/,
    )
    const bare = await project.run("export", "--no-disclosures")
    assert(!bare.out.includes("disclosure") && bare.out.startsWith('{"kind":"nornr.export"'))
    assert.match((await project.run("verify", "trail.jsonl")).out, /Sound[\s\S]*No key is pinned/)
  })

  test("looks at everything that a ledger stands on", async () => {
    const { out, code } = await project.run("doctor")
    assert.equal(code, 0)
    for (const what of ["Node.js", "SQLite", "ledger", "permissions", "file", "clock", "trail", "checkpoint"])
      assert(out.includes(`✓ ${what}`), what)
    const elsewhere = new Project()
    const missing = await elsewhere.json<{
      ok: boolean
      findings: { what: string; level: string; remedy: string }[]
    }>("doctor")
    assert.equal(missing.findings.find(({ what }) => what === "ledger")?.level, "warning")
    writeFileSync(elsewhere.ledger, "not a ledger", { mode: 0o644 })
    const broken = await elsewhere.run("doctor")
    assert.equal(broken.code, 3)
    assert.match(broken.out, /✗ ledger/)
    elsewhere.remove()
  })

  test("starts on a Node.js without SQLite, and says what to install", async () => {
    const without = { NODE_OPTIONS: "--no-experimental-sqlite" }
    const { out, code } = await project.runWith(without, "doctor")
    assert.equal(code, 3)
    assert.match(out, /✗ SQLite +this Node\.js has none\.\n +Install Node\.js 24/)
    const refused = await project.runWith(without, "status")
    assert.equal(refused.code, 1)
    assert.match(refused.err, /^nornr: This runtime has no node:sqlite\. Use Node\.js 24/)
  })

  test("makes a wallet for the framework that is there, and shows the lines to add", async () => {
    for (const [dependency, adapter] of Object.entries({
      langchain: "@nornr/langchain",
      "@langchain/langgraph": "@nornr/langgraph",
      "@openai/agents": "@nornr/openai-agents",
      express: "@nornr/core",
    })) {
      const fresh = new Project()
      writeFileSync(
        fresh.at("package.json"),
        JSON.stringify({ name: "my-agent", dependencies: { [dependency]: "1" } }),
      )
      const { framework, lines } = await fresh.json<{ framework: string; lines: string[] }>("init", "--yes")
      assert.equal(framework, adapter)
      assert(lines.length <= 12 && lines.join("\n").includes('owner: "my-agent"'))
      await using wallet = await Wallet.connect({ owner: "my-agent", ledger: fresh.ledger })
      assert.equal((await wallet.balance()).limits[0]?.limit, "50.00")
      fresh.remove()
    }
    const fresh = new Project()
    assert.match((await fresh.run("init")).err, /Give --daily-limit and --approval-above, or --yes/)
    assert.match(
      (await fresh.run("init", "--daily-limit", "-5", "--approval-above", "2")).err,
      /--daily-limit is "-5"/,
    )
    assert.equal(
      (await fresh.run("init", "--daily-limit", "5", "--approval-above", "2", "--owner", "me")).code,
      0,
    )
    fresh.remove()
  })

  test("says what is wrong in plain words, with its exit code, and a stack only where it is asked for", async () => {
    const wrong: readonly (readonly [readonly string[], number, RegExp])[] = [
      [["statsu"], 2, /unknown command 'statsu'[\s\S]*status/],
      [["approvals", "approve"], 2, /missing required argument/],
      [["export", "--format", "xml"], 2, /Allowed choices are jsonl, csv, markdown/],
      [["status", "--ledger", "none.db"], 1, /There is no ledger at .*none\.db/],
      [["status", "--owner", "nobody"], 1, /has no wallet of "nobody"\. Use one of: "ops"/],
      [["approvals", "approve", "dec_none"], 1, /There is no decision "dec_none"/],
      [["verify", "none.json"], 1, /none\.json cannot be read/],
      [["verify", "terms.json"], 1, /nothing that can be verified/],
      [["verify", "--key", "x"], 1, /x cannot be read/],
      [["approvals", "triage"], 1, /this is no terminal/],
    ]
    for (const [args, code, said] of wrong) {
      const ran = await project.run(...args)
      assert.equal(ran.code, code, args.join(" "))
      assert.match(ran.err, said)
      assert(!/\n\s+at /.test(ran.err), "a stack trace")
    }
    const { error } = await project.json<{ error: { code: string; remedy: string } }>(
      "status",
      "--ledger",
      "none.db",
    )
    assert.deepEqual([error.code, error.remedy.length > 0], ["wallet_not_found", true])
    assert.match((await project.run("status", "--ledger", "none.db", "--debug")).err, /\n\s+at /)
  })

  test("acts with a reviewer's key where the mandate asks for one", async () => {
    const { generateKeyPairSync } = await import("node:crypto")
    const { publicKey, privateKey } = generateKeyPairSync("ed25519")
    writeFileSync(project.at("ana.pem"), privateKey.export({ type: "pkcs8", format: "pem" }))
    const fresh = new Project()
    const reviewers = [
      { name: "ana", publicKey: publicKey.export({ type: "spki", format: "pem" }).toString() },
    ]
    await using _wallet = await Wallet.create({ owner: "o", ledger: fresh.ledger, dailyLimit: 5, reviewers })
    assert.match((await fresh.run("freeze", "--as", "ana")).err, /"ana" did not sign/)
    assert.equal((await fresh.run("freeze", "--as", "ana", "--private-key", project.at("ana.pem"))).code, 0)
    fresh.remove()
  })

  test("completes commands and options in a shell", async () => {
    assert.match((await project.run("complete", "bash")).out, /bash completion for nornr/)
    assert.match((await project.run("complete", "--", "app")).out, /approvals/)
    assert.match((await project.run("complete", "--", "approvals", "a")).out, /approve/)
    assert.match((await project.run("--help")).out, /Exit codes: 0 done/)
  })

  test("names itself and nobody else in the trail", async () => {
    await using desk = await ReviewDesk.open({ ledger: project.ledger, reviewer: "x" })
    const decision = await desk.decision(ids.queued)
    assert.equal(decision?.approval?.by, "bob")
    const exported = readFileSync(project.at("trail.jsonl"), "utf8")
    assert(!exported.includes("nornr status") && !exported.includes("nornr trail"))
  })
})
