import type { TrailEvent } from "./event.ts"
import { isTexts } from "./pinned.ts"
import { type FoundEvent, foundSealed, hasOnly } from "./sealed.ts"
import { parseStrict, parseUnique } from "./strict-json.ts"

/** The first line of an export. */
export interface Header {
  readonly kind: "nornr.export"
  readonly v: 1
  readonly scope: "ledger" | "wallet"
  /** Of scope `wallet`: whose. */
  readonly wallet?: string
  /** How many events it was made with. */
  readonly events: number
}

interface LineProof {
  readonly seq: number
  readonly index: number
  readonly hashes: readonly string[]
}

/** A line of an export (docs/formats.md). */
export type ExportLine =
  | { readonly kind: "event"; readonly found: FoundEvent }
  | {
      readonly kind: "disclosure"
      readonly wallet: string
      readonly seq: number
      readonly name: string
      readonly salt: string
      readonly value: string
    }
  | { readonly kind: "checkpoint"; readonly note: string; readonly proof?: LineProof }

/** The end of an event's line: `,"hash":"` and the rest. */
const hashEnd = 75
const hashField = /^,"hash":"[0-9a-f]{64}"\}$/

/** The line of an event: its text with its hash before the last brace. */
export function eventLine(body: string, hash: string): string {
  return `${body.slice(0, -1)},"hash":"${hash}"}`
}

/** Reads a line behind the header; undefined where it is nothing that an export holds. */
export function parseLine(line: string | undefined): ExportLine | undefined {
  const isEvent = line !== undefined && hashField.test(line.slice(-hashEnd))
  const value = objectOf(isEvent ? parseStrict(line) : parseUnique(line))
  if (value === undefined) return undefined
  return isEvent ? eventOf(value, line) : (disclosureOf(value) ?? checkpointOf(value))
}

/** Reads the first line; undefined where it is no header. */
export function parseHeader(line: string | undefined): Header | undefined {
  const { kind, v, scope, wallet, events } = objectOf(parseUnique(line)) ?? {}
  const isScope = scope === "ledger" || (scope === "wallet" && typeof wallet === "string")
  if (kind !== "nornr.export" || v !== 1 || !isScope || !Number.isSafeInteger(events)) return undefined
  const whose = scope === "wallet" ? { wallet: wallet as string } : {}
  return { kind, v, scope: scope as Header["scope"], events: events as number, ...whose }
}

type Fields = Readonly<Record<string, unknown>>

function objectOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
}

function eventOf(value: Fields, line: string): ExportLine | undefined {
  const { hash, ...sealed } = value as unknown as TrailEvent
  const found = foundSealed(`${line.slice(0, -hashEnd)}}`, sealed, hash)
  return found === undefined ? undefined : { kind: "event", found }
}

function disclosureOf(line: Fields): ExportLine | undefined {
  const given = line["disclosure"]
  if (!hasOnly(line, ["disclosure"]) || !hasOnly(given, ["wallet", "seq", "name", "salt", "value"]))
    return undefined
  const { wallet, seq, name, salt, value: text } = given
  if (!Number.isSafeInteger(seq) || ![wallet, name, salt, text].every((each) => typeof each === "string"))
    return undefined
  const texts = { wallet, name, salt, value: text } as Record<"wallet" | "name" | "salt" | "value", string>
  return { kind: "disclosure", seq: seq as number, ...texts }
}

function checkpointOf(line: Fields): ExportLine | undefined {
  const { checkpoint, proof } = line
  if (typeof checkpoint !== "string") return undefined
  if (hasOnly(line, ["checkpoint"])) return { kind: "checkpoint", note: checkpoint }
  if (!hasOnly(line, ["checkpoint", "proof"]) || !hasOnly(proof, ["seq", "index", "hashes"])) return undefined
  const { seq, index, hashes } = proof
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(index) || !isTexts(hashes)) return undefined
  return {
    kind: "checkpoint",
    note: checkpoint,
    proof: { seq: seq as number, index: index as number, hashes },
  }
}
