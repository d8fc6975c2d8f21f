import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll } from "vitest"
import {
  type ConsistencyProof,
  type PacketReport,
  type ProofPacket,
  type ProofReport,
  type Receipt,
  type ReceiptProof,
  ReviewDesk,
  verifyConsistency,
  verifyExport,
  verifyPacket,
  verifyReceipt,
} from "../../src/index.ts"
import { canonicalJson } from "../../src/trail/canonical.ts"
import { Frontier, leafHash } from "../../src/trail/merkle.ts"
import { newCheckpointKey, publicKeyText, signCheckpoint } from "../../src/trail/note.ts"
import { packetOf } from "../../src/trail/packet.ts"
import { type AuditedLedger, auditedLedger } from "../audited-ledger.ts"
import { hasPython, type PythonReport, verifyInPython } from "../python.ts"

/** Everything that is tampered with, made once. */
export interface Samples {
  readonly ledger: AuditedLedger
  /** Lines of an export of all wallets and of one, under a checkpoint with events behind it. */
  readonly whole: readonly string[]
  readonly one: readonly string[]
  readonly checkpoint: string
  readonly earlier: string
  readonly packet: ProofPacket
  readonly agentPacket: ProofPacket
  /** Of a decision that cost more than it held. */
  readonly costly: ProofPacket
  readonly receiptProof: ReceiptProof
  readonly consistency: ConsistencyProof
}

export let samples: Samples

/** Makes the samples before the tests of a file, and takes them away after them. */
export function withSamples(): void {
  beforeAll(async () => {
    const ledger = await auditedLedger()
    await using audit = await ledger.open()
    const { note: earlier } = await audit.checkpoint({ key: ledger.key.path })
    await using desk = await ReviewDesk.open({ ledger: ledger.ledger, reviewer: "bob" })
    await desk.attach(ledger.decisions.settled, { kind: "receipt", digest: `sha256:${"ab".repeat(32)}` })
    const { note: checkpoint } = await audit.checkpoint({ key: ledger.key.path })
    const packet = await audit.packet(ledger.decisions.reviewed)
    const agentPacket = await audit.packet(ledger.decisions.agent)
    const costly = await audit.packet(ledger.decisions.settled)
    const receiptProof = await audit.proveReceipt(ledger.decisions.settled.receipt)
    const consistency = await audit.proveConsistency(earlier)
    await desk.attach(ledger.decisions.settled, { kind: "later", url: "https://vendor.example/receipt" })
    const lines = (text: string) => text.trimEnd().split("\n")
    const [whole, one] = [lines(await ledger.exported()), lines(await ledger.exported("ops"))]
    samples = {
      ledger,
      whole,
      one,
      checkpoint,
      earlier,
      packet,
      agentPacket,
      costly,
      receiptProof,
      consistency,
    }
  })

  afterAll(() => samples.ledger.remove())
}

export interface Beside {
  readonly keys?: readonly string[]
  readonly checkpoints?: readonly string[]
  readonly receipts?: readonly Receipt[]
}

/** A way to tamper with an export, and the faults that both verifiers must find. */
export type ExportCase = readonly [
  name: string,
  tamper: (lines: readonly string[]) => string,
  expected: (lines: readonly string[]) => readonly string[],
  beside?: () => Beside,
]

export const pinned = () => ({ keys: [samples.ledger.key.publicKey] })

/** Kinds at places, sorted: what two verifiers must agree on. */
const placed = (faults: PythonReport["faults"]) =>
  faults.map(({ kind, line, part }) => `${kind} ${line ?? part}`).sort()

let file = 0
const saved = (text: string): string => {
  const path = join(samples.ledger.folder, `sample-${file++}`)
  writeFileSync(path, text)
  return path
}

/** What both verifiers say of an export. */
export async function checkExport(text: string, beside: Beside = pinned()): Promise<readonly string[]> {
  const report = await verifyExport([text], beside)
  const found = report.ok ? [] : placed(report.faults)
  if (!hasPython) return found
  const args = [
    ...(beside.keys ?? []).flatMap((key) => ["--key", key]),
    ...(beside.checkpoints ?? []).flatMap((note) => ["--checkpoint", saved(note)]),
    ...(beside.receipts ?? []).flatMap((receipt) => ["--receipt", saved(JSON.stringify(receipt))]),
  ]
  const python = verifyInPython("export", saved(text), ...args)
  assert.deepEqual(placed(python.faults), found)
  assert.equal(python.code, report.ok ? 0 : 3)
  return found
}

const verifiers: Readonly<
  Record<string, (document: never, beside: Beside) => Promise<ProofReport | PacketReport>>
> = {
  packet: verifyPacket,
  receipt: verifyReceipt,
  consistency: verifyConsistency,
}

export async function checkDocument(
  what: "packet" | "receipt" | "consistency",
  document: unknown,
  beside: Beside = pinned(),
): Promise<readonly string[]> {
  const text = JSON.stringify(document)
  const found = await checkText(what, text, beside)
  const report = (await verifiers[what]?.(JSON.parse(text) as never, beside)) as ProofReport | PacketReport
  assert.deepEqual(report.ok ? [] : placed(report.faults), found)
  return found
}

/** What both verifiers say of a document in a file. */
export async function checkText(
  what: "packet" | "receipt" | "consistency",
  text: string,
  beside: Beside = pinned(),
): Promise<readonly string[]> {
  const report = (await verifiers[what]?.(text as never, beside)) as ProofReport | PacketReport
  const found = report.ok ? [] : placed(report.faults)
  if (!hasPython) return found
  const keys = (beside.keys ?? []).flatMap((key) => ["--key", key])
  const python = verifyInPython(what, saved(text), ...keys)
  assert.deepEqual(placed(python.faults), found)
  return found
}

export type Line = Record<string, unknown>

export const parsed = (line: string | undefined) => JSON.parse(line ?? "") as Line
const isEvent = (line: string) => /,"hash":"[0-9a-f]{64}"\}$/.test(line)
/** The numbers, from 1, of the lines with events. */
const eventLines = (lines: readonly string[]) =>
  lines.flatMap((line, index) => (isEvent(line) ? [index + 1] : []))
export const joined = (lines: readonly string[]) => `${lines.join("\n")}\n`
export const withLine = (lines: readonly string[], number: number, ...instead: readonly string[]) =>
  joined([...lines.slice(0, number - 1), ...instead, ...lines.slice(number)])
export const nth = (lines: readonly string[], which: number) => eventLines(lines)[which] as number

/** An event's line, sealed anew after a change. */
export function resealed(line: string, change: Line): string {
  const { hash: _old, ...event } = { ...parsed(line), ...change }
  const body = canonicalJson(event, "event")
  return `${body.slice(0, -1)},"hash":"${createHash("sha256").update(body).digest("hex")}"}`
}

/** The whole export as a forger with all the time in the world leaves it: every hash fits, and so does his checkpoint. */
export function rewritten(lines: readonly string[], key = newCheckpointKey("example.com/spend")) {
  const heads = new Map<string, string>()
  const tree = new Frontier()
  const forged = lines.map((line) => {
    if ("checkpoint" in parsed(line))
      return JSON.stringify({ checkpoint: signCheckpoint(key, { size: tree.size, root: tree.root() }) })
    if (!isEvent(line)) return line
    const { wallet, prev, data } = parsed(line) as { wallet: string; prev: string; data: Line }
    const isCheaper = data["amount"] === "5.00" ? { data: { ...data, amount: "4.00" } } : {}
    const sealed = resealed(line, { prev: heads.get(wallet) ?? prev, ...isCheaper })
    heads.set(wallet, String(parsed(sealed)["hash"]))
    tree.add(leafHash(Buffer.from(heads.get(wallet) as string, "hex")))
    return sealed
  })
  return { text: joined(forged), publicKey: publicKeyText(key), head: { size: tree.size, root: tree.root() } }
}

export const lastLine = (lines: readonly string[]) =>
  lines.findLastIndex((line) => "checkpoint" in parsed(line)) + 1
export const rootDiffers = (lines: readonly string[]) => `root_differs ${lastLine(lines)}`
export const edited = (line: string, from: string | RegExp, to: string) => {
  assert.match(line, new RegExp(from))
  return line.replace(from, to)
}
export const anEvent = (lines: readonly string[], which: number) => lines[nth(lines, which) - 1] as string
export const changeEvent = (lines: readonly string[], which: number, to: (line: string) => string) =>
  withLine(lines, nth(lines, which), to(anEvent(lines, which)))

type Packet = { -readonly [K in keyof ProofPacket]: ProofPacket[K] }
export const events = (packet: ProofPacket) => packet.receiptTrail["events"] as unknown as readonly Line[]
export const digested = ({ receiptTrail, disclosures, proof }: ProofPacket, change: Partial<Packet> = {}) => {
  const {
    packetId: _id,
    digest: _digest,
    ...content
  } = {
    ...packetOf(receiptTrail["events"] as never, disclosures, proof),
    ...change,
  }
  return digestedAsIs(content)
}
export const withEvents = (packet: ProofPacket, list: readonly Line[], proof = packet.proof) =>
  digested({ ...packet, receiptTrail: { ...packet.receiptTrail, events: list as never }, proof })
export const leaves = (packet: ProofPacket) => packet.proof?.leaves ?? []

/** An event as who holds the ledger could have sealed it. */
export const sealedAnew = (event: Line, data: Line) => parsed(resealed(JSON.stringify(event), { data }))

/** A packet with its digest, whatever it says. */
export function digestedAsIs<T extends object>(content: T) {
  const { packetId: _id, digest: _digest, ...rest } = content as T & Partial<ProofPacket>
  const hash = createHash("sha256").update(canonicalJson(rest, "packet")).digest("hex")
  return { ...rest, packetId: `pkt_${hash.slice(0, 32)}`, digest: `sha256:${hash}` }
}
