import { atEdge } from "../input/at-edge.ts"
import { bytesOfHash } from "./bytes.ts"
import type { Json } from "./canonical.ts"
import { canonicalJson } from "./canonical.ts"
import { disclosureDigest, sha256 } from "./digest.ts"
import type { TrailEvent } from "./event.ts"
import { type Fault, type FaultKind, Faults, type Unsound } from "./fault.ts"
import { isIncluded, leafHash } from "./merkle.ts"
import {
  groupsOf,
  mandateEvent,
  microsOf,
  type PacketDisclosure,
  type PacketProof,
  type ProofPacket,
} from "./packet.ts"
import { checkNote, hashesOf, isTexts, type KeyOptions, parseKeys, uncoveredText } from "./pinned.ts"
import { foundObject, hasOnly, hasWholeNumbers, isSealed } from "./sealed.ts"
import { documentOf } from "./strict-json.ts"
import { optionsOf } from "./verify-proof.ts"

/** What verifying a packet found. */
export type PacketReport =
  | {
      readonly ok: true
      readonly decision: string
      readonly events: number
      /** The position of its last event: what became of the decision later is not in it. */
      readonly asOf: number
      /** What a pinned key has signed that its events are part of; without it, nothing says that they are in any ledger. */
      readonly covered?: { readonly origin: string; readonly size: number }
    }
  | Unsound

const groups = [
  ...(["intent", "policyDecision", "approvalState", "settlementState"] as const),
  ...(["receiptTrail", "auditExport", "provenance"] as const),
]

/**
 * Checks a proof packet: its digest, its events and that none of the decision is left out, its texts, that it says
 * what its events say, and that a pinned key has signed the tree that they are in. Needs no ledger and no Node. Of a
 * text, what a parser drops is looked at, too.
 * @throws {NornrError} `invalid_option` for keys that are none
 */
export async function verifyPacket(
  given: ProofPacket | string,
  options: KeyOptions = {},
): Promise<PacketReport> {
  const keys = atEdge("The keys", "invalid_option", () => parseKeys(optionsOf(options, ["keys"])))
  const faults = new Faults()
  const packet = documentOf(given) as ProofPacket
  const parts = atEdgeOf(() => partsOf(packet))
  if (parts === undefined) {
    faults.add({ kind: "malformed", part: "packet", message: "This is no proof packet." })
    return faults.unsound() as Unsound
  }
  const { events, disclosures, proof } = parts
  const { packetId, digest, ...content } = packet
  const hash = sha256(canonicalJson(content, "packet"))
  if (digest !== `sha256:${hash}` || packetId !== `pkt_${hash.slice(0, 32)}`) {
    faults.add({
      kind: "digest_differs",
      part: "digest",
      message: "The packet does not have its digest: it was changed.",
    })
  }
  const broken = eventFaults(packet.receiptTrail["wallet"] ?? null, events)
  faults.addAll(broken)
  faults.addAll(disclosureFaults(events, disclosures))
  if (broken.length === 0) faults.addAll(groupFaults(packet, events, disclosures))
  const covered = proof === null ? undefined : await proofFaults(proof, events, keys, faults)
  if (proof === null && keys.length > 0)
    faults.add({ kind: "uncovered", part: "proof", message: uncoveredText })
  return (
    faults.unsound() ?? {
      ok: true,
      decision: nameOf(madeAmong(events)?.data["decision"]),
      events: events.length,
      asOf: events.at(-1)?.seq ?? 0,
      ...(covered === undefined ? {} : { covered }),
    }
  )
}

/** A hostile signer may have sealed anything as a name. */
function nameOf(decision: Json | undefined): string {
  return typeof decision === "string" ? decision : JSON.stringify(decision ?? null)
}

interface Parts {
  readonly events: readonly TrailEvent[]
  readonly disclosures: readonly PacketDisclosure[]
  readonly proof: PacketProof | null
}

function atEdgeOf<T>(parse: () => T | undefined): T | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}

const fieldNames = ["kind", "schemaVersion", "packetId", ...groups, "disclosures", "proof", "digest"]

/** Undefined for what is no packet. */
function partsOf(packet: ProofPacket): Parts | undefined {
  const { kind, schemaVersion, packetId, digest, receiptTrail, disclosures, proof } = packet
  if (!hasOnly(packet, fieldNames) || !hasWholeNumbers(packet)) return undefined
  if (kind !== "nornr.proof_packet" || schemaVersion !== "1") return undefined
  if (typeof packetId !== "string" || typeof digest !== "string") return undefined
  if (
    !groups.every((name) => isObject(packet[name]) || (name === "approvalState" && packet[name] === null))
  ) {
    return undefined
  }
  if (!hasOnly(receiptTrail, ["wallet", "events", "evidence"])) return undefined
  const { wallet, events, evidence } = receiptTrail as Readonly<Record<string, unknown>>
  if (typeof wallet !== "string" || !Array.isArray(evidence)) return undefined
  if (!Array.isArray(events) || !events.every(isObject)) return undefined
  if (!Array.isArray(disclosures) || !disclosures.every(isDisclosure) || !areSorted(disclosures))
    return undefined
  if (proof !== null && !isProof(proof)) return undefined
  canonicalJson(packet, "packet")
  return { events: events as TrailEvent[], disclosures, proof }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function isDisclosure(value: unknown): boolean {
  const { seq, name, salt, value: text } = (value ?? {}) as Partial<PacketDisclosure>
  const areTexts = [name, salt, text].every((each) => typeof each === "string")
  return hasOnly(value, ["seq", "name", "salt", "value"]) && Number.isSafeInteger(seq) && areTexts
}

/** One text for a name of an event, and one order. */
function areSorted(disclosures: readonly PacketDisclosure[]): boolean {
  return disclosures.every(({ seq, name }, index) => {
    const before = disclosures[index - 1]
    return before === undefined || before.seq < seq || (before.seq === seq && before.name < name)
  })
}

function isProof(value: unknown): boolean {
  const { checkpoint, leaves } = (value ?? {}) as Partial<PacketProof>
  const isLeaf = (leaf: unknown) => {
    const { seq, index, hashes } = (leaf ?? {}) as Partial<PacketProof["leaves"][number]>
    const areNumbers = Number.isSafeInteger(seq) && Number.isSafeInteger(index)
    return hasOnly(leaf, ["seq", "index", "hashes"]) && areNumbers && isTexts(hashes)
  }
  const isNote = hasOnly(value, ["checkpoint", "leaves"]) && typeof checkpoint === "string"
  return isNote && Array.isArray(leaves) && leaves.every(isLeaf)
}

/** The decision among events, of those that have the form of one. */
function madeAmong(events: readonly TrailEvent[]): TrailEvent | undefined {
  return events.find((event) => isSealed(event) && event.type === "decision.made")
}

function eventFaults(wallet: Json, events: readonly TrailEvent[]): readonly Fault[] {
  const made = madeAmong(events)
  const faults = events.flatMap((event, index): readonly Fault[] => {
    const isWhole = foundObject(event)?.seal === "whole" && hasItsTerms(event)
    return isWhole
      ? []
      : [eventFault("edited", index, "does not have the hash of its content: it was edited.")]
  })
  if (made === undefined) {
    const message = "There is no decision among the events."
    faults.push({ kind: "gap", part: "receiptTrail.events", message })
  }
  const walk = new PacketWalk(wallet, events, made)
  for (const [index, event] of events.entries()) {
    if (!isSealed(event) || walk.fits(event)) continue
    faults.push(
      eventFault(
        "gap",
        index,
        "does not follow: an event of the decision is missing, or one too many is here.",
      ),
    )
  }
  if (walk.lacksMandate) {
    const message = "The mandate that the decision was made under is not among the events."
    faults.push({ kind: "gap", part: "receiptTrail.events", message })
  }
  return faults
}

/** A mandate's hash is that of its terms. */
function hasItsTerms({ type, data }: TrailEvent): boolean {
  if (type !== "wallet.created" && type !== "mandate.amended") return true
  return data["terms"] !== undefined && sha256(canonicalJson(data["terms"], "terms")) === data["hash"]
}

/** Walks along the events of a packet: each of the decision names the one before it, so that none can be left out. */
class PacketWalk {
  readonly #wallet: Json
  readonly #made: TrailEvent | undefined
  readonly #mandates: ReadonlySet<TrailEvent>
  readonly lacksMandate: boolean
  /** What comes behind a cost above the hold. */
  readonly #costly: ReadonlySet<TrailEvent>
  #previous: TrailEvent | undefined
  #last: TrailEvent | undefined

  constructor(wallet: Json, events: readonly TrailEvent[], made: TrailEvent | undefined) {
    this.#wallet = wallet
    this.#made = made
    const formed = events.filter(isSealed) as readonly TrailEvent[]
    const used = made === undefined ? [] : mandatesOf(made, formed.slice(0, formed.indexOf(made)))
    this.lacksMandate = used.includes(undefined)
    this.#mandates = new Set(used.filter((event) => event !== undefined))
    this.#costly = new Set(
      formed.filter((event, index) => isCostly(event, made) && formed[index + 1]?.type !== "spend.overage"),
    )
  }

  fits(event: TrailEvent): boolean {
    const previous = this.#previous
    this.#previous = event
    const isInOrder = event.wallet === this.#wallet && event.seq > (previous?.seq ?? 0)
    if (this.#made === undefined) return isInOrder
    const isOwn = isOf(event, this.#made)
    const follows = isOwn
      ? this.#follows(event, previous)
      : this.#last === undefined && this.#mandates.has(event)
    if (isOwn && event.type !== "spend.overage") this.#last = event
    return isInOrder && follows && !this.#costly.has(event)
  }

  #follows(event: TrailEvent, previous: TrailEvent | undefined): boolean {
    if (event.type === "spend.overage")
      return previous !== undefined && isCostly(previous, this.#made) && event.seq === previous.seq + 1
    if (event === this.#made || this.#last === undefined)
      return event === this.#made && this.#last === undefined
    return event.type !== "decision.made" && event.data["after"] === this.#last.seq
  }
}

/** The events that set the mandates of a decision; undefined for one that is not there. */
function mandatesOf(made: TrailEvent, before: readonly TrailEvent[]): readonly (TrailEvent | undefined)[] {
  const { agent, agentMandate } = made.data
  const own = mandateEvent(before, made.mandate, undefined)
  const hasOwn = agentMandate !== undefined && agentMandate !== null
  return hasOwn ? [own, mandateEvent(before, agentMandate, agent)] : [own]
}

function isOf({ data }: TrailEvent, made: TrailEvent): boolean {
  return data["decision"] !== undefined && data["decision"] === made.data["decision"]
}

/** It cost more than was held, so that an overage comes with it. */
function isCostly(event: TrailEvent, made: TrailEvent | undefined): boolean {
  if (made === undefined || !isOf(event, made)) return false
  const { type, data } = event
  return (
    atEdgeOf(() => {
      if (type === "spend.late_outcome") return microsOf(data["counted"]) > 0n
      return type === "spend.settled" && microsOf(data["cost"]) > microsOf(made.data["amount"])
    }) ?? false
  )
}

function eventFault(kind: FaultKind, index: number, what: string): Fault {
  const part = `receiptTrail.events[${index}]`
  return { kind, part, message: `Event ${index + 1} of the packet ${what}` }
}

function disclosureFaults(
  events: readonly TrailEvent[],
  disclosures: readonly PacketDisclosure[],
): readonly Fault[] {
  const place = (seq: number, name: string, digest: Json) => JSON.stringify([seq, name, digest])
  const taken = new Set(
    events
      .filter(isSealed)
      .flatMap(({ seq, data }) => Object.entries(data).map(([name, digest]) => place(seq, name, digest))),
  )
  return disclosures.flatMap(({ seq, name, salt, value }, index): readonly Fault[] => {
    if (taken.has(place(seq, name, disclosureDigest(name, { salt, value })))) return []
    const message = `The text of ${name} is not the one that event ${seq} took the digest of.`
    return [{ kind: "disclosure_differs", part: `disclosures[${index}]`, message }]
  })
}

function groupFaults(
  packet: ProofPacket,
  events: readonly TrailEvent[],
  disclosures: readonly PacketDisclosure[],
): readonly Fault[] {
  const made = atEdgeOf(() => groupsOf(events, disclosures))
  return groups.flatMap((name): readonly Fault[] => {
    const isSame = made !== undefined && canonicalJson(made[name], name) === canonicalJson(packet[name], name)
    return isSame
      ? []
      : [{ kind: "group_differs", part: name, message: `${name} is not what the events say.` }]
  })
}

async function proofFaults(
  { checkpoint: note, leaves }: PacketProof,
  events: readonly TrailEvent[],
  keys: Parameters<typeof checkNote>[1],
  faults: Faults,
): Promise<{ readonly origin: string; readonly size: number } | undefined> {
  const { checkpoint, isSigned, fault } = await checkNote(note, keys)
  if (fault !== undefined) {
    faults.add({ ...fault, part: "proof.checkpoint" })
    return undefined
  }
  for (let index = 0; index < Math.max(leaves.length, events.length); index++) {
    const [leaf, event] = [leaves[index], events[index]]
    const hash = bytesOfHash(event?.hash)
    const path = hashesOf(leaf?.hashes)
    const isProved =
      path !== undefined &&
      leaf?.seq === event?.seq &&
      hash !== undefined &&
      isIncluded(leafHash(hash), { index: leaf?.index ?? 0, ...checkpoint }, path)
    if (isProved) continue
    const message = `The proof of event ${index + 1} does not lead to the checkpoint: it is not in that ledger.`
    faults.add({ kind: "proof_fails", part: `proof.leaves[${index}]`, message })
  }
  const { origin, size } = checkpoint
  return isSigned ? { origin, size } : undefined
}
