import assert from "node:assert/strict"
import { copyFileSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Ajv2020 } from "ajv/dist/2020.js"
import { afterEach, beforeEach, describe, test } from "vitest"
import { type AuditedLedger, auditedLedger } from "../../test/audited-ledger.ts"
import {
  AuditDesk,
  type Fault,
  type ReviewDecision,
  ReviewDesk,
  verifyConsistency,
  verifyExport,
  verifyPacket,
  verifyReceipt,
  Wallet,
} from "../index.ts"

let ledger: AuditedLedger
beforeEach(async () => {
  ledger = await auditedLedger()
})
afterEach(() => ledger.remove())

const pinned = () => ({ keys: [ledger.key.publicKey] })
const kinds = (report: { readonly ok: boolean; readonly faults?: readonly Fault[] }) =>
  report.ok ? [] : report.faults?.map(({ kind }) => kind)

async function text(pieces: AsyncIterable<string>): Promise<string> {
  let all = ""
  for await (const piece of pieces) all += piece
  return all
}

describe("the audit desk", () => {
  test("verifies a ledger, says what its checkpoint covers and what it does not", async () => {
    await using audit = await ledger.open()
    const bare = await audit.verify()
    assert(bare.ok && bare.covered === undefined && bare.uncovered === bare.events)
    const { size, note } = await audit.checkpoint({ key: ledger.key.path })
    await using wallet = await Wallet.connect({ owner: "ops", ledger: ledger.ledger })
    await wallet.pay({ amount: 1, to: "x" })
    const report = await audit.verify({ ...pinned(), checkpoints: [note] })
    assert.deepEqual(report, {
      ok: true,
      wallets: 2,
      events: size + 1,
      covered: { origin: "example.com/spend", size },
      uncovered: 1,
    })
    assert.equal((await audit.lastCheckpoint())?.note, note)
  })

  test("signs the same tree with the same note, again and in another process's place", async () => {
    await using audit = await ledger.open()
    const first = await audit.checkpoint({ key: ledger.key.path })
    assert.deepEqual(await audit.checkpoint({ key: readFileSync(ledger.key.path, "utf8") }), first)
  })

  test("writes lines and packets as their schemas say", async () => {
    const ajv = new Ajv2020({ strict: false })
    const schema = (name: string) =>
      JSON.parse(
        readFileSync(join(import.meta.dirname, `../../../../schemas/${name}.schema.json`), "utf8"),
      ) as object
    for (const name of ["event", "decision", "export", "proof-packet"]) ajv.addSchema(schema(name))
    const check = (name: string, value: unknown) => {
      const validate = ajv.getSchema(`urn:nornr:schema:${name}`)
      assert(validate?.(value), `${name}: ${JSON.stringify(validate?.errors)}`)
    }
    await using audit = await ledger.open()
    await audit.checkpoint({ key: ledger.key.path })
    for (const owner of [undefined, "ops"]) {
      for (const line of (await ledger.exported(owner)).trimEnd().split("\n"))
        check("export", JSON.parse(line))
    }
    await using desk = await ReviewDesk.open({ ledger: ledger.ledger, reviewer: "ana" })
    for (const { id } of Object.values(ledger.decisions)) {
      check("proof-packet", await audit.packet(id))
      const { args: _args, error: _error, ...decision } = (await desk.decision(id)) as ReviewDecision
      check("decision", decision)
    }
    const packet = await audit.packet(ledger.decisions.settled)
    const event = (packet.receiptTrail["events"] as unknown as { type: string; data: object }[]).at(-1)
    const isEvent = (value: unknown) => ajv.getSchema("urn:nornr:schema:event")?.(value)
    assert(event !== undefined && isEvent(event))
    const { decision: _none, ...undecided } = event.data as { decision?: string }
    for (const wrong of [
      { ...event, mandate: "zz" },
      { ...event, data: undecided },
      { ...event, data: { ...event.data, cost: "1.1000" } },
      { ...event, more: 1 },
    ]) {
      assert(!isEvent(wrong), JSON.stringify(wrong))
    }
  })

  test("makes the same packet from the same ledger, byte for byte", async () => {
    await using audit = await ledger.open()
    await audit.checkpoint({ key: ledger.key.path })
    const packet = JSON.stringify(await audit.packet(ledger.decisions.reviewed))
    assert.equal(JSON.stringify(await audit.packet(ledger.decisions.reviewed.id)), packet)
  })

  test("tells in a packet what was asked, decided, reviewed, paid and attached", async () => {
    await using audit = await ledger.open()
    await audit.checkpoint({ key: ledger.key.path })
    const { intent, policyDecision, approvalState, settlementState, receiptTrail, provenance } =
      await audit.packet(ledger.decisions.reviewed)
    assert.deepEqual(
      [intent["amount"], intent["to"], intent["args"]],
      ["31.00", "reports.example", '{"cost":31}'],
    )
    assert.deepEqual(policyDecision["reasons"], ["above_approval_threshold"])
    assert.equal((policyDecision["mandate"] as { terms: { dailyLimit: string } }).terms.dailyLimit, "100.00")
    assert.deepEqual([approvalState?.["by"], approvalState?.["comment"]], ["ana@example.com", "we need it"])
    assert.deepEqual(
      [settlementState["state"], settlementState["settled"], settlementState["held"]],
      ["settled", "31.00", "0.00"],
    )
    assert.deepEqual(
      (receiptTrail["evidence"] as { url: string }[]).map(({ url }) => url),
      ["urn:invoice:inv_31"],
    )
    assert.equal(provenance["mandateVersion"], 1)
  })

  test("says that a packet is covered by nothing before there is a checkpoint, and after", async () => {
    await using audit = await ledger.open()
    const bare = await audit.packet(ledger.decisions.settled)
    assert.equal(bare.proof, null)
    assert.deepEqual(await verifyPacket(bare), {
      ok: true,
      decision: ledger.decisions.settled.id,
      events: 6,
      asOf: 6,
    })
    assert.deepEqual(kinds(await verifyPacket(bare, pinned())), ["uncovered"])
    assert.deepEqual(kinds(await audit.verify(pinned())), ["uncovered"])
    const { size } = await audit.checkpoint({ key: ledger.key.path })
    const report = await verifyPacket(await audit.packet(ledger.decisions.settled), pinned())
    assert(report.ok)
    assert.deepEqual(report.covered, { origin: "example.com/spend", size })
    await assert.rejects(audit.packet("dec_none"), { code: "decision_not_found" })
  })

  test("proves a receipt and growth, and refuses what it cannot prove", async () => {
    await using audit = await ledger.open()
    const { receipt } = ledger.decisions.settled
    await assert.rejects(audit.proveReceipt(receipt), { code: "state_conflict" })
    const { note } = await audit.checkpoint({ key: ledger.key.path })
    await assert.rejects(audit.proveReceipt({ ...receipt, hash: "0".repeat(64) }), { code: "state_conflict" })
    assert((await verifyReceipt(await audit.proveReceipt(receipt), pinned())).ok)
    await using desk = await ReviewDesk.open({ ledger: ledger.ledger, reviewer: "bob" })
    await desk.freeze({ owner: "ops" })
    const { size } = await audit.checkpoint({ key: ledger.key.path })
    const proof = await audit.proveConsistency(note)
    assert.deepEqual(await verifyConsistency(proof, pinned()), { ok: true, size, signed: true })
    assert.deepEqual(await verifyConsistency(proof), { ok: true, size, signed: false })
    await assert.rejects(audit.proveConsistency("x"), { code: "invalid_option" })
  })

  test("finds a restored old copy by a checkpoint outside, also after it has gone on", async () => {
    const old = join(ledger.folder, "old.db")
    const reopened = async () => AuditDesk.open({ ledger: old })
    copyFileSync(ledger.ledger, old)
    await using audit = await ledger.open()
    await using desk = await ReviewDesk.open({ ledger: ledger.ledger, reviewer: "bob" })
    await desk.freeze({ owner: "ops" })
    const { note } = await audit.checkpoint({ key: ledger.key.path })
    await using restored = await reopened()
    const report = await restored.verify({ ...pinned(), checkpoints: [note] })
    assert.deepEqual(kinds(report), ["rolled_back"])
    const file = join(ledger.folder, "checkpoint")
    const target = [{ file }]
    await audit.checkpoint({ key: ledger.key.path, to: target })
    await assert.rejects(restored.checkpoint({ key: ledger.key.path, to: target }), {
      code: "ledger_rolled_back",
    })
    await using later = await ReviewDesk.open({ ledger: old, reviewer: "mallory" })
    for (const mode of ["review_only", "freeze", "review_only"] as const)
      await later.freeze({ owner: "ops", mode })
    await assert.rejects(restored.checkpoint({ key: ledger.key.path, to: target }), {
      code: "ledger_rolled_back",
    })
    await restored.checkpoint({ key: ledger.key.path })
    assert.deepEqual(kinds(await restored.verify({ ...pinned(), checkpoints: [note] })), ["root_differs"])
  })

  const tables: readonly (readonly [what: string, sql: string, found: readonly string[]])[] = [
    ["a run of the tree", "UPDATE tree_run SET seq = seq + 1 WHERE first = 0", ["tree_differs"]],
    ["a tile of the tree", "UPDATE tree_tile SET hashes = zeroblob(length(hashes))", ["tree_differs"]],
    ["a tile cut short", "UPDATE tree_tile SET hashes = x'00'", ["tree_differs"]],
    [
      "the kept checkpoint",
      "UPDATE checkpoint SET note = replace(note, 'example', 'forged')",
      ["unknown_key"],
    ],
    [
      "the size of the kept checkpoint",
      `UPDATE checkpoint SET note = replace(note, char(10) || size || char(10), char(10) || '3' || char(10))`,
      ["bad_signature"],
    ],
    ["the size beside it", "UPDATE checkpoint SET size = size - 1", ["tree_differs"]],
    ["a kept checkpoint that is none", "UPDATE checkpoint SET note = 'x'", ["malformed_checkpoint"]],
    [
      "a counter",
      "UPDATE counter SET held = held + 1 WHERE rowid IN (SELECT min(rowid) FROM counter)",
      ["counter_differs"],
    ],
    [
      "two events",
      `UPDATE event SET body = replace(body, '"amount":"5.00"', '"amount":"9.00"') WHERE body LIKE '%"amount":"5.00"%'`,
      ["edited"],
    ],
  ]
  for (const [what, sql, found] of tables) {
    test(`finds in the file what was edited: ${what}`, async () => {
      const audit = await ledger.open()
      await audit.checkpoint({ key: ledger.key.path })
      await audit.close()
      const database = new DatabaseSync(ledger.ledger)
      database.exec(sql.replace(" WHERE rowid IN (SELECT min(rowid) FROM counter)", ""))
      database.close()
      await using again = await ledger.open()
      const report = await again.verify(pinned())
      assert.deepEqual([...new Set(kinds(report))], found)
    })
  }

  test("names every fault, of every wallet", async () => {
    const database = new DatabaseSync(ledger.ledger)
    database.exec(`UPDATE event SET body = replace(body, '"seq"', '"seq" ') WHERE seq IN (2, 3)`)
    database.exec("UPDATE counter SET settled = settled + 1")
    database.close()
    await using audit = await ledger.open()
    const report = await audit.verify()
    assert(!report.ok)
    const places = report.faults.map(
      ({ kind, wallet, seq }) => `${kind} ${wallet === "ops" ? "ops" : "other"} ${seq}`,
    )
    assert.deepEqual(places, ["edited ops 2", "edited ops 3", "edited other 2", "edited other 3"])
    assert.equal(report.more, 0)
    const one = await audit.verify({ owner: "ops", tree: false, replay: false })
    assert.deepEqual(kinds(one), ["edited", "edited"])
    await assert.rejects(audit.verify({ owner: "nobody" }), { code: "wallet_not_found" })
  })

  test("exports for spreadsheets what no spreadsheet runs, and for people what no page renders", async () => {
    await using wallet = await Wallet.connect({ owner: "ops", ledger: ledger.ledger })
    await wallet.pay({ amount: 1, to: "x", run: { agent: "=cmd|' /C calc'!A0", thread: 'a,"b"' } })
    await wallet.pay({ amount: 1, to: "x", run: { agent: "<b>|`x`" } })
    await using audit = await ledger.open()
    const csv = await text(audit.exportTrail({ format: "csv", owner: "ops" }))
    assert.match(csv, /,'=cmd\|' \/C calc'!A0,,"a,""b""",/)
    const [heads = "", first = ""] = csv.split("\r\n")
    assert.equal(heads.split(",").length, first.split(",").length)
    const markdown = await text(audit.exportTrail({ format: "markdown", owner: "ops" }))
    assert(markdown.includes("\\<b\\>\\|\\`x\\`"))
    await assert.rejects(text(audit.exportTrail({ format: "xml" as never })), { code: "invalid_option" })
    await assert.rejects(text(audit.exportTrail({ owner: "nobody" })), { code: "wallet_not_found" })
  })

  test("leaves texts out of an export where it is asked to, and it verifies", async () => {
    await using audit = await ledger.open()
    await audit.checkpoint({ key: ledger.key.path })
    const bare = await text(audit.exportTrail({ disclosures: false }))
    assert(!bare.includes("disclosure") && !bare.includes("we need it"))
    assert((await verifyExport([bare], pinned())).ok)
  })

  test("is of one commit, whatever is written while it is read", async () => {
    await using audit = await ledger.open()
    await using wallet = await Wallet.connect({ owner: "ops", ledger: ledger.ledger })
    await Promise.all(Array.from({ length: 200 }, () => wallet.pay({ amount: 0.01, to: "x" })))
    let all = ""
    let pieces = 0
    for await (const piece of audit.exportTrail()) {
      all += piece
      pieces++
      await wallet.pay({ amount: 0.01, to: "x" })
    }
    assert(pieces > 1, "it came in one piece")
    const report = await verifyExport([all])
    assert(report.ok)
    const now = await audit.verify()
    assert(now.ok && now.events > report.events)
  })

  test("tells mandates, their versions, and what others would have decided", async () => {
    await using desk = await ReviewDesk.open({ ledger: ledger.ledger, reviewer: "bob", owner: "ops" })
    await desk.amend({ dailyLimit: 80 })
    await using audit = await ledger.open()
    const [wallet, agent] = await audit.mandates("ops")
    assert.deepEqual([wallet?.version, wallet?.by, wallet?.terms["dailyLimit"]], [2, "bob", "80.00"])
    assert.deepEqual([agent?.agent, agent?.version], ["researcher", 1])
    assert.deepEqual(
      (await audit.mandateVersions("ops")).map(({ version }) => version),
      [1, 2],
    )
    const same = await audit.simulate({ dailyLimit: 100 }, { owner: "ops" })
    assert.deepEqual(same.changes, [])
    assert.deepEqual(same.actual, same.simulated)
    const tight = await audit.simulate({ dailyLimit: 40, requireApprovalAbove: 6 }, { owner: "ops" })
    assert.deepEqual(tight.changes, [
      { from: "queued", to: "rejected", count: 1, amount: "31.00" },
      { from: "approved", to: "rejected", count: 1, amount: "7.00" },
    ])
    await assert.rejects(audit.simulate({ dailyLimit: -1 }, { owner: "ops" }), { code: "invalid_amount" })
    await assert.rejects(audit.simulate({}, { owner: "nobody" }), { code: "wallet_not_found" })
    await assert.rejects(audit.mandateVersions("nobody"), { code: "wallet_not_found" })
    await assert.rejects(audit.mandates(undefined as never), { code: "invalid_option" })
    await desk.freeze({ agent: "buyer" })
    const frozen = (await audit.mandates("ops")).find(({ agent }) => agent === "buyer")
    assert.equal(frozen?.control, "freeze")
    await desk.unfreeze({ agent: "buyer" })
    assert.deepEqual(
      (await audit.mandates("ops")).map(({ agent }) => agent),
      [undefined, "researcher"],
    )
  })

  test("says of one wallet how much of it no checkpoint covers", async () => {
    await using audit = await ledger.open()
    const { size } = await audit.checkpoint({ key: ledger.key.path })
    await using wallet = await Wallet.create({ owner: "later", dailyLimit: 9, ledger: ledger.ledger })
    for (let times = 0; times < 4; times++) await wallet.pay({ amount: 1, to: "x" })
    const of = async (owner?: string) => {
      const report = await audit.verify({ ...pinned(), ...(owner === undefined ? {} : { owner }) })
      return [report.covered?.size, report.uncovered]
    }
    assert.deepEqual(
      [await of("ops"), await of("later"), await of()],
      [
        [size, 0],
        [size, 5],
        [size, 5],
      ],
    )
  })

  test("is closed once it is closed, though others have the ledger open", async () => {
    await using _other = await ledger.open()
    const audit = await ledger.open()
    await audit.close()
    for (const use of [
      () => audit.owners(),
      () => audit.verify(),
      () => text(audit.exportTrail()),
      () => audit.checkpoint({ key: ledger.key.path }),
    ]) {
      await assert.rejects(use, { code: "ledger_closed" })
    }
  })

  test("proves no growth from another ledger's checkpoint", async () => {
    await using audit = await ledger.open()
    await audit.checkpoint({ key: ledger.key.path })
    await using _wallet = await Wallet.create({ owner: "o", dailyLimit: 1, ledger: `${ledger.ledger}.other` })
    await using other = await AuditDesk.open({ ledger: `${ledger.ledger}.other` })
    const { note } = await other.checkpoint({ key: ledger.key.path })
    await assert.rejects(audit.proveConsistency(note), { code: "ledger_rolled_back" })
  })

  test("simulates with what was corrected at the desk", async () => {
    await using wallet = await Wallet.create({ owner: "refunded", dailyLimit: 100, ledger: ledger.ledger })
    await using desk = await ReviewDesk.open({ ledger: ledger.ledger, reviewer: "bob", owner: "refunded" })
    const { id } = await wallet.pay({ amount: 60, to: "x" })
    await wallet.settle(id)
    await desk.adjust(id, 10, { reason: "refunded" })
    assert.equal((await wallet.pay({ amount: 60, to: "x" })).status, "approved")
    await using audit = await ledger.open()
    assert.deepEqual((await audit.simulate({ dailyLimit: 100 }, { owner: "refunded" })).changes, [])
  })
})
