import { NornrError } from "../error/nornr-error.ts"
import { formatMicros } from "../money/money.ts"
import { canonicalJson, type Json } from "./canonical.ts"
import { sha256 } from "./digest.ts"
import type { TrailEvent } from "./event.ts"

/** A text that the trail holds the digest of, with what it takes to see that it is the one. */
export interface PacketDisclosure {
  readonly seq: number
  readonly name: string
  readonly salt: string
  readonly value: string
}

/** Shows that the events of a packet are in the tree that was signed (RFC 9162 §2.1.3). */
export interface PacketProof {
  /** A signed note. */
  readonly checkpoint: string
  /** One for each event, in their order. */
  readonly leaves: readonly {
    readonly seq: number
    readonly index: number
    readonly hashes: readonly string[]
  }[]
}

type Group = { readonly [name: string]: Json }

/** The groups of a packet, made of its events and disclosures alone: docs/formats.md says how. */
export interface PacketGroups {
  readonly intent: Group
  readonly policyDecision: Group
  readonly approvalState: Group | null
  readonly settlementState: Group
  readonly receiptTrail: Group
  readonly auditExport: Group
  readonly provenance: Group
}

/** One governed action as one document: who asked for what, what was decided and by whom, what it cost, the proof. */
export interface ProofPacket extends PacketGroups {
  readonly kind: "nornr.proof_packet"
  readonly schemaVersion: "1"
  readonly packetId: string
  readonly disclosures: readonly PacketDisclosure[]
  readonly proof: PacketProof | null
  /** `sha256:` and the digest of the RFC 8785 text of all but `digest` and `packetId`. */
  readonly digest: string
}

/** Makes a packet: the same events, disclosures and proof give the same bytes. */
export function packetOf(
  events: readonly TrailEvent[],
  disclosures: readonly PacketDisclosure[],
  proof: PacketProof | null,
): ProofPacket {
  const content = {
    kind: "nornr.proof_packet" as const,
    schemaVersion: "1" as const,
    ...groupsOf(events, disclosures),
    disclosures,
    proof,
  }
  const hash = sha256(canonicalJson(content, "packet"))
  return { ...content, packetId: `pkt_${hash.slice(0, 32)}`, digest: `sha256:${hash}` }
}

export function groupsOf(
  events: readonly TrailEvent[],
  disclosures: readonly PacketDisclosure[],
): PacketGroups {
  const at = events.findIndex(({ type }) => type === "decision.made")
  const made = events[at]
  if (made === undefined) throw noDecision()
  const own = events.slice(at)
  const text = (name: string, seq: number | undefined): string | null =>
    disclosures.find((each) => each.seq === seq && each.name === name)?.value ?? null
  const mandate = mandateOf(events.slice(0, at), made.mandate, undefined)
  const agentHash = made.data["agentMandate"]
  const hasOwn = agentHash !== undefined && agentHash !== null
  const agentMandate = hasOwn ? mandateOf(events.slice(0, at), agentHash, made.data["agent"]) : null
  return {
    intent: intentOf(made, text),
    policyDecision: {
      status: made.data["status"] ?? null,
      reasons: made.data["reasons"] ?? [],
      mandate,
      agentMandate,
    },
    approvalState: approvalOf(made, own, text),
    settlementState: settlementOf(made, own, text),
    receiptTrail: { wallet: made.wallet, events: events as unknown as Json, evidence: evidenceOf(own) },
    auditExport: {
      format: "nornr.export",
      wallet: made.wallet,
      firstSeq: made.seq,
      lastSeq: own.at(-1)?.seq ?? made.seq,
    },
    provenance: {
      generator: "@nornr/core",
      wallet: made.wallet,
      mandateVersion: mandate["version"] ?? null,
    },
  }
}

function noDecision(): NornrError {
  const remedy = "Keep the file as it is, run `nornr verify`, and restore a backup."
  return new NornrError("ledger_corrupt", "The events of the decision are not all there.", { remedy })
}

type Text = (name: string, seq: number | undefined) => string | null

function fields(data: TrailEvent["data"], names: readonly string[]): Group {
  return Object.fromEntries(names.map((name) => [name, data[name] ?? null]))
}

function intentOf({ wallet, at, seq, data }: TrailEvent, text: Text): Group {
  return {
    ...fields(data, ["decision", "amount", "currency", "to"]),
    ...{ wallet, at, tags: data["tags"] ?? {} },
    ...fields(data, ["thread", "agent", "tool", "call", "node", "namespace", "key", "previous"]),
    purpose: text("purpose", seq),
    args: text("args", seq),
  }
}

/** The event that set a mandate, among those before the decision. */
export function mandateEvent(
  before: readonly TrailEvent[],
  hash: Json,
  agent: Json | undefined,
): TrailEvent | undefined {
  return before.findLast(
    ({ type, data }) =>
      (type === "wallet.created" || type === "mandate.amended") &&
      data["hash"] === hash &&
      (data["agent"] ?? null) === (agent ?? null),
  )
}

function mandateOf(before: readonly TrailEvent[], hash: Json, agent: Json | undefined): Group {
  const event = mandateEvent(before, hash, agent)
  return { hash, ...fields(event?.data ?? {}, ["version", "terms", "by"]), at: event?.at ?? null }
}

function approvalOf({ data }: TrailEvent, own: readonly TrailEvent[], text: Text): Group | null {
  if ((data["approval"] ?? null) === null) return null
  const last = own.findLast((each) => each.type === "approval.resolved" && each.data["state"] !== "refused")
  return {
    id: data["approval"] ?? null,
    state: last === undefined ? "pending" : (last.data["state"] ?? null),
    by: last?.data["by"] ?? null,
    at: last?.at ?? null,
    comment: text("comment", last?.seq),
    selfApproved: last?.data["selfApproved"] === true,
    expiresAt: data["due"] ?? null,
  }
}

const stateAfter: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "spend.claimed": "running",
    "spend.returned": "approved",
    "spend.settled": "settled",
    "spend.adjusted": "settled",
    "spend.released": "released",
    "spend.failed": "failed",
    "spend.unknown": "unknown",
  }),
)

const over: ReadonlySet<Json> = new Set(["settled", "released", "rejected"])
const ending: ReadonlySet<string> = new Set([
  ...["approval.resolved", "spend.settled", "spend.released", "spend.adjusted"],
])

function settlementOf(made: TrailEvent, own: readonly TrailEvent[], text: Text): Group {
  let state = made.data["status"] ?? null
  let [settled, overage] = [0n, 0n]
  let endedAt: string | null = null
  let attempts: Json = 0
  for (const { type, data, at } of own) {
    const micros = (name: string) => microsOf(data[name])
    if (type === "approval.resolved") state = data["state"] === "approved" ? "approved" : "rejected"
    else state = stateAfter.get(type) ?? state
    if (type === "spend.claimed") attempts = data["fence"] ?? 0
    if (type === "spend.settled" && micros("cost") > settled) settled = micros("cost")
    if (type === "spend.late_outcome") settled += micros("counted")
    if (type === "spend.adjusted") settled = micros("to")
    if (type === "spend.overage") overage += micros("amount")
    const isEnd = type === "decision.made" ? state === "rejected" : ending.has(type) && over.has(state)
    if (isEnd) endedAt = at
  }
  const lastText = (name: string) => text(name, own.findLast(({ data }) => data[name] !== undefined)?.seq)
  return {
    state,
    held: over.has(state) ? "0.00" : (made.data["amount"] ?? null),
    settled: formatMicros(settled),
    overage: formatMicros(overage),
    attempts,
    endedAt: over.has(state) ? endedAt : null,
    result: lastText("result"),
    error: lastText("error"),
  }
}

/**
 * An amount as events have it, in millionths; what is absent is nothing.
 * @throws {TypeError} for anything else
 */
export function microsOf(amount: Json | undefined): bigint {
  if (amount === undefined || amount === null) return 0n
  const [, whole, part] = (typeof amount === "string" && amount.length <= 40 && decimal.exec(amount)) || []
  if (whole === undefined || part === undefined) throw new TypeError("This is no amount.")
  return BigInt(whole + part.padEnd(6, "0"))
}

const decimal = /^(\d+)\.(\d{2,6})$/

function evidenceOf(own: readonly TrailEvent[]): readonly Group[] {
  return own
    .filter(({ type }) => type === "evidence.attached")
    .map(({ data, at }) => ({ ...fields(data, ["kind", "url", "digest"]), at }))
}
