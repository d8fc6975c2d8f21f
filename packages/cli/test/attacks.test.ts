import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { copyFileSync, readFileSync, writeFileSync } from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { AuditDesk, createCheckpointKey, type Receipt, ReviewDesk, Wallet } from "@nornr/core"
import { afterAll, beforeAll, describe, test } from "vitest"
import { Project } from "./terminal.ts"

let project: Project
let key: string
let receipt: Receipt

/** A ledger and its export, with an old copy, a checkpoint and a receipt kept outside, and one event behind them. */
beforeAll(async () => {
  project = new Project()
  await using wallet = await Wallet.create({ owner: "ops", ledger: project.ledger, dailyLimit: 100 })
  for (const amount of [5, 6, 7, 8]) await wallet.settle(await wallet.pay({ amount, to: "x" }))
  await using desk = await ReviewDesk.open({ ledger: project.ledger, reviewer: "ana" })
  await desk.freeze()
  await desk.unfreeze()
  copy(project.ledger, project.at("old.db"))
  ;({ receipt } = await wallet.pay({ amount: 9, to: "x" }))
  const made = await createCheckpointKey(project.at("key"), "example.com/spend")
  key = made.publicKey
  await using audit = await AuditDesk.open({ ledger: project.ledger })
  await audit.checkpoint({ key: made.path, to: [{ file: project.at("outside.txt") }] })
  await wallet.pay({ amount: 1, to: "behind" })
  writeFileSync(project.at("receipt.json"), JSON.stringify(receipt))
  await project.run("export", "-o", "whole.jsonl")
  const other = await createCheckpointKey(project.at("other"), "example.com/spend")
  writeFileSync(project.at("other.pub"), other.publicKey)
})
afterAll(() => project.remove())

/** The file as of its last commit, without its log. */
function copy(from: string, to: string): void {
  const database = new DatabaseSync(from)
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)")
  database.close()
  copyFileSync(from, to)
}

const lines = () => readFileSync(project.at("whole.jsonl"), "utf8").trimEnd().split("\n")
const at = (type: string, which = 0) =>
  lines().flatMap((line, index) => (line.includes(`"type":"${type}"`) ? [index] : []))[which] as number
const without = (index: number) => lines().filter((_, each) => each !== index)
const replaced = (index: number, from: string | RegExp, to: string) =>
  lines().map((line, each) => (each === index ? line.replace(from, to) : line))

/** Every hash and link made to fit again, as one who has all the time writes the trail anew. */
function rewritten(): readonly string[] {
  let prev = "0".repeat(64)
  return lines().map((line) => {
    if (!line.includes('"prev"')) return line
    const body = line
      .replace(/,"hash":"[0-9a-f]+"\}$/, "}")
      .replace('"cost":"5.00"', '"cost":"0.01"')
      .replace(/"prev":"[0-9a-f]+"/, `"prev":"${prev}"`)
    prev = createHash("sha256").update(body).digest("hex")
    return `${body.slice(0, -1)},"hash":"${prev}"}`
  })
}

const cut = () => [
  lines()[0]?.replace(/"events":\d+/, `"events":3`) as string,
  ...lines().slice(1, at("decision.made", 1) + 1),
]

const beside = () => ["--key", key]
const outside = () => [...beside(), "--checkpoint", project.at("outside.txt")]
const receipts = () => ["--receipt", project.at("receipt.json")]

const exports: readonly (readonly [
  attack: string,
  forged: () => readonly string[],
  pinned: () => readonly string[],
  found: readonly string[],
])[] = [
  ["an edit", () => replaced(at("decision.made"), "5.00", "4.00"), beside, ["edited"]],
  ["a deletion", () => without(at("spend.settled")), beside, ["gap", "root_differs", "count_differs"]],
  [
    "a swap",
    () =>
      lines().map(
        (line, index, all) =>
          (index === at("control.set")
            ? all[at("control.set", 1)]
            : index === at("control.set", 1)
              ? all[at("control.set")]
              : line) as string,
      ),
    beside,
    ["gap", "out_of_order", "root_differs"],
  ],
  [
    "an insertion",
    () => lines().flatMap((line, index) => (index === at("control.set") ? [line, line] : [line])),
    beside,
    ["out_of_order", "root_differs", "count_differs"],
  ],
  ["a cut tail, against the checkpoint", cut, outside, ["rolled_back"]],
  ["a cut tail, against the receipt", cut, receipts, ["receipt_missing"]],
  ["a full rewrite, against the checkpoint in it", rewritten, beside, ["root_differs"]],
  [
    "a full rewrite without it, against the one outside",
    () => rewritten().filter((line) => !line.includes('"checkpoint"')),
    outside,
    ["root_differs"],
  ],
  [
    "a full rewrite, against the receipt",
    () => rewritten().filter((line) => !line.includes('"checkpoint"')),
    receipts,
    ["receipt_mismatch"],
  ],
  ["a swapped key", lines, () => ["--key", project.at("other.pub")], ["unknown_key"]],
  [
    "a forged checkpoint",
    () => lines().map((line) => line.replace(/("checkpoint":"[^"]*?\\n)\d+\\n/, "$12\\n")),
    beside,
    ["bad_signature"],
  ],
]

describe("nornr verify finds and names in an export", () => {
  for (const [attack, forged, pinned, found] of exports) {
    test(attack, async () => {
      const file = project.at(`${attack.replace(/\W+/g, "-")}.jsonl`)
      writeFileSync(file, `${forged().join("\n")}\n`)
      const { out, code } = await project.run("verify", file, ...pinned())
      assert.equal(code, 3, out)
      assert.match(out, /Tampered with or damaged/)
      for (const kind of found) assert.match(out, new RegExp(`^ {2}${kind} `, "m"))
      const { faults } = await project.json<{ faults: { kind: string; message: string }[] }>(
        "verify",
        file,
        ...pinned(),
      )
      assert(found.every((kind) => faults.some((fault) => fault.kind === kind && fault.message.length > 20)))
    })
  }
})

const files: readonly (readonly [
  attack: string,
  sql: string,
  pinned: () => readonly string[],
  found: readonly string[],
])[] = [
  [
    "an edit",
    `UPDATE event SET body = replace(body, '"amount":"5.00"', '"amount":"4.00"')`,
    beside,
    ["edited"],
  ],
  ["a deletion", "DELETE FROM event WHERE seq = 4", beside, ["gap"]],
  [
    "a swap",
    "UPDATE event SET seq = 900 WHERE seq = 4; UPDATE event SET seq = 4 WHERE seq = 5; UPDATE event SET seq = 5 WHERE seq = 900",
    beside,
    ["malformed"],
  ],
  [
    "an insertion",
    "INSERT INTO event (wallet, seq, hash, body) SELECT wallet, seq + 100, hash, body FROM event WHERE seq = 4",
    beside,
    ["head_differs"],
  ],
  [
    "a cut tail",
    "DELETE FROM event WHERE seq > 9; UPDATE wallet SET seq = 9, hash = (SELECT hash FROM event WHERE seq = 9)",
    outside,
    ["head_differs", "spend_differs", "tree_differs"],
  ],
  [
    "an edited counter table",
    "UPDATE counter SET settled = settled - 5000000 WHERE settled >= 5000000",
    beside,
    ["counter_differs"],
  ],
  [
    "an edited decision",
    `UPDATE spend SET body = replace(body, '"8000000"', '"1000000"')`,
    beside,
    ["spend_differs"],
  ],
  [
    "an edited mandate",
    "UPDATE mandate SET body = replace(body, '100.00', '900.00')",
    beside,
    ["mandate_differs"],
  ],
  [
    "a forged checkpoint",
    "UPDATE checkpoint SET note = replace(note, char(10) || size || char(10), char(10) || '2' || char(10))",
    beside,
    ["bad_signature"],
  ],
  ["a swapped key", "SELECT 1", () => ["--key", project.at("other.pub")], ["unknown_key"]],
]

describe("nornr verify finds and names in a ledger file", () => {
  for (const [attack, sql, pinned, found] of files) {
    test(attack, async () => {
      const file = project.at(`${attack.replace(/\W+/g, "-")}.db`)
      copy(project.ledger, file)
      const database = new DatabaseSync(file)
      database.exec(sql)
      database.close()
      const { out, code } = await project.run("verify", "--ledger", file, ...pinned())
      assert.equal(code, 3, out)
      for (const kind of found) assert.match(out, new RegExp(`^ {2}${kind} `, "m"))
    })
  }

  test("a rollback: an old copy that was restored, by the checkpoint and by the receipt", async () => {
    const old = ["verify", "--ledger", project.at("old.db")]
    assert.equal((await project.run(...old)).code, 0)
    const byCheckpoint = await project.run(...old, ...outside())
    assert.equal(byCheckpoint.code, 3)
    assert.match(byCheckpoint.out, /rolled_back[\s\S]*an old copy was restored, or the tail was cut/)
    const byReceipt = await project.run(...old, ...receipts())
    assert.equal(byReceipt.code, 3)
    assert.match(byReceipt.out, /receipt_missing/)
  })
})

describe("nornr verify says what is not covered", () => {
  test("behind the last checkpoint", async () => {
    for (const where of [["--ledger", project.ledger], [project.at("whole.jsonl")]]) {
      const { out, code } = await project.run("verify", ...where, ...outside(), ...receipts())
      assert.equal(code, 0, out)
      assert.match(out, /Covered up to event \d+ by example\.com\/spend\. 1 receipt fit/)
      assert.match(out, /1 event behind it: not covered/)
      const tail =
        /a lost tail behind it, as of a damaged disk, would show only against a receipt or a later checkpoint/
      assert.match(out.replace(/\s+/g, " "), tail)
    }
  })

  test("by having no checkpoint, or no key", async () => {
    const { out } = await project.run("verify")
    assert.match(out, /No key is pinned \(--key\): covered by no checkpoint/)
    const lost = /silently lost on a damaged disk, shows only against a receipt or a checkpoint/
    assert.match(out.replace(/\s+/g, " "), lost)
    const none = await project.run("verify", "--ledger", project.at("old.db"), ...beside())
    assert.equal(none.code, 3)
    assert.match(none.out, /uncovered[\s\S]*No checkpoint of a pinned key is there/)
  })
})
