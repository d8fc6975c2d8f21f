// The guide "prove what an agent spent", run for real: evidence, a checkpoint kept elsewhere, an export and a packet
// that a stranger checks, and what they find in a forged one. Exits non-zero if anything differs from what it says.
import assert from "node:assert/strict"
import { createReadStream } from "node:fs"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AuditDesk, createCheckpointKey, governed, publishCheckpoints, Wallet } from "@nornr/core"
import { verifyExport, verifyPacket } from "@nornr/core/trail"

const contractDigest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
const folder = await mkdtemp(join(tmpdir(), "nornr-proof-"))
const path = (name: string) => join(folder, name)
try {
  await tell()
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function tell(): Promise<void> {
  const ledger = process.env["NORNR_LEDGER"] ?? path("ledger.db")
  await using wallet = await Wallet.create({ owner: "operator", dailyLimit: 70, ledger })

  // #region evidence
  const buyReport = governed(orderReport, {
    name: "buy_report",
    wallet,
    amount: ({ pages }) => pages * 0.02,
    to: "reports.example",
    evidence: ({ invoice }) => ({ kind: "invoice", url: `https://reports.example/invoices/${invoice}` }),
  })
  const { decision } = await buyReport({ pages: 800 }, { key: "call_1" })
  await wallet.attach(decision.id, { kind: "contract", digest: `sha256:${contractDigest}` })
  // #endregion evidence
  console.log(`1. Paid ${decision.amount} USD to ${decision.to}`)
  for (const { kind, url, digest } of (await wallet.decision(decision.id))?.evidence ?? []) {
    console.log(`   ${kind}: ${url ?? digest?.slice(0, 20)}`)
  }

  // #region notify
  wallet.on("nearing", ({ limit, percent }) => {
    console.log(`   ${percent} per cent of ${limit.name} is used: ${limit.remaining} left`)
  })
  // #endregion notify
  const near = new Promise<void>((resolve) => void wallet.on("nearing", () => resolve()))
  await buyReport({ pages: 2100 }, { key: "call_2" })
  await near

  // #region checkpoint
  const key = await createCheckpointKey(path("checkpoint.key"), "example.com/spend")
  const publishing = await publishCheckpoints({
    ledger,
    key: key.path,
    to: [{ file: path("kept-elsewhere.txt") }], // or { url }, { directory }, { command }
    everyEvents: 1000,
    everySeconds: 60,
  })
  // #endregion checkpoint
  await publishing.close()
  const checkpoint = await readFile(path("kept-elsewhere.txt"), "utf8")
  console.log(`2. Signed a checkpoint of ${checkpoint.split("\n")[1]} events`)

  // #region export
  await using audit = await AuditDesk.open({ ledger })
  await writeFile(path("trail.jsonl"), audit.exportTrail())
  await writeFile(path("packet.json"), JSON.stringify(await audit.packet(decision)))
  // #endregion export

  // #region verify
  const pinned = { keys: [key.publicKey] } // from a place that the ledger's owner cannot change
  const trail = await verifyExport(createReadStream(path("trail.jsonl")), {
    ...pinned,
    checkpoints: [checkpoint],
  })
  const packet = await verifyPacket(await readFile(path("packet.json"), "utf8"), pinned)
  // #endregion verify
  assert(trail.ok && packet.ok)
  console.log(`3. The export is sound: ${trail.events} events, ${trail.covered?.size} of them covered`)
  console.log(
    `   the packet is sound: ${packet.events} events in the ledger that ${packet.covered?.origin} signed`,
  )

  console.log("4. A forged export is found out")
  await showForged(pinned)
}

async function showForged(pinned: { readonly keys: readonly string[] }): Promise<void> {
  // #region forged
  const forged = (await readFile(path("trail.jsonl"), "utf8")).replace('"cost":"16.00"', '"cost":"1.00"')
  const report = await verifyExport([forged], pinned)
  if (!report.ok) for (const { kind, message } of report.faults) console.log(`   ${kind}: ${message}`)
  // #endregion forged
  assert(!report.ok && report.kind === "edited")
}

/** The paid tool: here it would call its vendor. */
async function orderReport({ pages }: { readonly pages: number }) {
  return { title: `A report of ${pages} pages`, invoice: `R-${pages}` }
}
