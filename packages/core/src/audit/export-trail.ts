import type { EventRow, Snapshot } from "../ledger/ledger.ts"
import type { Spend } from "../spend/spend.ts"
import { isoTime } from "../time/clock.ts"
import { textOfBytes } from "../trail/bytes.ts"
import { disclosureDigest, type Sealed } from "../trail/digest.ts"
import { openEvent, type TrailEvent } from "../trail/event.ts"
import { eventsOfWallet } from "../trail/events-of.ts"
import { eventLine } from "../trail/export-line.ts"
import { inclusionProof } from "../trail/merkle.ts"
import type { PacketDisclosure } from "../trail/packet.ts"
import { type Anchor, anchorOf, eventsInTree, subtreesOf } from "../trail/tree.ts"

/** Where an export comes from: a whole ledger, or one wallet of it. */
export interface ExportScope {
  readonly snapshot: Snapshot
  readonly owner: string | undefined
  /** Whether texts that are kept beside the trail go with it. */
  readonly disclosures: boolean
}

/** Lines in pieces of some size: to hand on and write each line alone costs more than to make it. */
export async function* gathered(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = ""
  for await (const line of lines) {
    piece += line
    if (piece.length < 65_536) continue
    yield piece
    piece = ""
  }
  if (piece !== "") yield piece
}

/** An export as JSON lines (docs/formats.md), made as it is read. */
export async function* jsonLines(scope: ExportScope): AsyncGenerator<string> {
  const { snapshot, owner } = scope
  const size = await snapshot.treeSize()
  const events = owner === undefined ? size : ((await snapshot.head(owner)).wallet?.seq ?? 0)
  const whose = owner === undefined ? { scope: "ledger" } : { scope: "wallet", wallet: owner }
  yield line({ kind: "nornr.export", v: 1, ...whose, events })
  const kept = await snapshot.checkpoint()
  const anchor = owner === undefined ? undefined : await anchorOf(snapshot, owner, kept?.size ?? 0)
  let count = 0
  if (owner === undefined && kept?.size === 0) yield line({ checkpoint: kept.note })
  for await (const row of rowsOf(scope, size)) {
    count++
    yield `${eventLine(row.body, row.hash)}\n`
    if (scope.disclosures) yield* disclosureLines(snapshot, row)
    if (kept === undefined) continue
    if (owner === undefined && count === kept.size) yield line({ checkpoint: kept.note })
    if (anchor?.seq === row.seq)
      yield line({ checkpoint: kept.note, proof: await proofOf(snapshot, anchor, kept.size) })
  }
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`
}

function rowsOf({ snapshot, owner }: ExportScope, size: number): AsyncGenerator<EventRow> {
  return owner === undefined ? eventsInTree(snapshot, size) : eventsOfWallet(snapshot, owner)
}

async function proofOf(snapshot: Snapshot, { seq, index }: Anchor, size: number) {
  const hashes = await inclusionProof(subtreesOf(snapshot), index, size)
  return { seq, index, hashes: hashes.map((hash) => textOfBytes(hash, "base64")) }
}

async function* disclosureLines(snapshot: Snapshot, row: EventRow): AsyncGenerator<string> {
  const event = openEvent(row)
  const named = textNames.some((name) => typeof event.data[name] === "string")
  const id = event.data["decision"]
  const spend = named && typeof id === "string" ? (await snapshot.spend(id))?.spend : undefined
  for (const { seq, name, salt, value } of disclosuresOf(event, row, spend)) {
    yield line({ disclosure: { wallet: row.wallet, seq, name, salt, value } })
  }
}

const textNames = ["args", "comment", "error", "purpose", "result"] as const

/** The texts that are kept of an event, by name. */
export function disclosuresOf(
  { seq, data }: TrailEvent,
  { remark }: EventRow,
  spend: Pick<Spend, "texts"> | undefined,
): readonly PacketDisclosure[] {
  const kept = textNames.flatMap((name): readonly PacketDisclosure[] => {
    const sealed: Sealed | undefined = spend?.texts?.[name]
    if (sealed?.value === undefined) return []
    const { salt, value } = sealed
    return data[name] === disclosureDigest(name, { salt, value }) ? [{ seq, name, salt, value }] : []
  })
  if (remark === undefined) return kept
  const said = { seq, name: "remark", salt: remark.salt, value: remark.value }
  return [...kept, said].sort((left, right) => (left.name < right.name ? -1 : 1))
}

/** Names of the columns of a table export, for spreadsheets. */
const columns = [
  ...[
    "wallet",
    "seq",
    "at",
    "type",
    "decision",
    "state",
    "amount",
    "currency",
    "to",
    "agent",
    "tool",
    "thread",
  ],
  ...["by", "cost", "reasons", "key", "evidence", "hash"],
] as const

/** One event as a row of a table. */
function cellsOf({ wallet, seq, at, type, data, hash }: TrailEvent): readonly string[] {
  const text = (name: string) => (data[name] === undefined ? "" : String(data[name]))
  const first = (...names: readonly string[]) => names.map(text).find((each) => each !== "") ?? ""
  return [
    ...[wallet, String(seq), at, type, text("decision"), first("status", "state", "control")],
    ...[text("amount"), text("currency"), type === "spend.adjusted" ? "" : text("to"), text("agent")],
    ...[text("tool"), text("thread"), text("by"), type === "spend.adjusted" ? text("to") : text("cost")],
    ...[Array.isArray(data["reasons"]) ? data["reasons"].join(" ") : "", text("key")],
    ...[[text("kind"), text("url"), text("digest")].filter(Boolean).join(" "), hash],
  ]
}

/** RFC 4180, with a mark before what a spreadsheet would run as a formula. */
export async function* csvLines(scope: ExportScope): AsyncGenerator<string> {
  yield `${columns.join(",")}\r\n`
  const size = await scope.snapshot.treeSize()
  for await (const row of rowsOf(scope, size)) yield `${cellsOf(openEvent(row)).map(csvCell).join(",")}\r\n`
}

function csvCell(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** A table for people: what happened, when, to what, by whom. */
export async function* markdownLines(scope: ExportScope): AsyncGenerator<string> {
  const size = await scope.snapshot.treeSize()
  const owners = scope.owner === undefined ? await scope.snapshot.wallets() : [scope.owner]
  const kept = await scope.snapshot.checkpoint()
  yield "# Trail\n"
  for (const owner of owners) {
    const { wallet } = await scope.snapshot.head(owner)
    yield `\n## ${markdownCell(owner)}\n\n| # | time (UTC) | what | decision | amount | to | agent | by, reasons, evidence |\n|---|---|---|---|---|---|---|---|\n`
    for await (const row of rowsOf({ ...scope, owner }, size)) {
      const event = openEvent(row)
      const [
        ,
        seq,
        at = "",
        type,
        decision,
        state,
        amount,
        currency,
        to,
        agent,
        ,
        ,
        by,
        cost,
        reasons,
        ,
        evidence,
      ] = cellsOf(event)
      const money = cost || amount
      const cells = [
        ...[seq, at.slice(0, 19).replace("T", " "), [type, state].filter(Boolean).join(": "), decision],
        ...[money && [money, currency].filter(Boolean).join(" "), to, agent],
        [by, reasons, evidence].filter(Boolean).join(", "),
      ]
      yield `| ${cells.map((cell) => markdownCell(cell ?? "")).join(" | ")} |\n`
    }
    yield `\nHead: event ${wallet?.seq ?? 0}, \`${wallet?.hash ?? ""}\`.\n`
  }
  if (kept !== undefined) yield `\nCheckpoint of ${isoTime(kept.at)}:\n\n\`\`\`text\n${kept.note}\`\`\`\n`
}

function markdownCell(value: string): string {
  return value.replace(/[\\|`*_<>[\]#&]/g, (each) => `\\${each}`).replace(/[\r\n]+/g, " ")
}
