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
  type PacketDisclosure,
  type PacketProof,
  type ProofPacket,
} from "./packet.ts"
import { checkNote, hashesOf, isCount, isTexts, type KeyOptions, parseKeys } from "./pinned.ts"
import { foundObject, hasWholeNumbers } from "./sealed.ts"
import { optionsOf } from "./verify-proof.ts"

export type PacketReport =
  | {
      readonly ok: true
      readonly decision: string
      readonly events: number
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
 * what its events say, and that a pinned key has signed the tree that they are in. Needs no ledger and no Node.
 * @throws {NornrError} `invalid_option` for keys that are none
 */
export async function verifyPacket(packet: ProofPacket, options: KeyOptions = {}): Promise<PacketReport> {
  const keys = atEdge("The keys", "invalid_option", () => parseKeys(optionsOf(options, ["keys"])))
  const faults = new Faults()
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
  faults.add(...broken, ...disclosureFaults(events, disclosures))
  if (broken.length === 0) faults.add(...groupFaults(packet, events, disclosures))
  const covered = proof === null ? undefined : await proofFaults(proof, events, keys, faults)
  const made = events.find(({ type }) => type === "decision.made")
  return (
    faults.unsound() ?? {
      ok: true,
      decision: String(made?.data["decision"]),
      events: events.length,
      ...(covered === undefined ? {} : { covered }),
    }
  )
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

/** Undefined for what is no packet. */
function partsOf(packet: ProofPacket): Parts | undefined {
  const { kind, schemaVersion, packetId, digest, receiptTrail, disclosures, proof } = packet
  if (kind !== "nornr.proof_packet" || schemaVersion !== "1") return undefined
  if (typeof packetId !== "string" || typeof digest !== "string") return undefined
  if (!groups.every((name) => typeof packet[name] === "object" && !Array.isArray(packet[name])))
    return undefined
  if (groups.some((name) => packet[name] === null && name !== "approvalState")) return undefined
  const events = receiptTrail["events"] as unknown
  if (!Array.isArray(events) || !events.every(isObject)) return undefined
  if (typeof receiptTrail["wallet"] !== "string" || !hasWholeNumbers(packet)) return undefined
  if (!Array.isArray(disclosures) || !disclosures.every(isDisclosure)) return undefined
  if (proof !== null && !isProof(proof)) return undefined
  canonicalJson(packet, "packet")
  return { events, disclosures, proof }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

function isDisclosure(value: unknown): boolean {
  const { seq, name, salt, value: text } = (value ?? {}) as Partial<PacketDisclosure>
  return isCount(seq) && [name, salt, text].every((each) => typeof each === "string")
}

function isProof(value: unknown): boolean {
  const { checkpoint, leaves } = (value ?? {}) as Partial<PacketProof>
  const isLeaf = (leaf: unknown) => {
    const { seq, index, hashes } = (leaf ?? {}) as Partial<PacketProof["leaves"][number]>
    return isCount(seq) && isCount(index) && isTexts(hashes)
  }
  return typeof checkpoint === "string" && Array.isArray(leaves) && leaves.every(isLeaf)
}

function eventFaults(wallet: Json, events: readonly TrailEvent[]): readonly Fault[] {
  const at = events.findIndex(({ type }) => type === "decision.made")
  const made = events[at]
  const faults = events.flatMap((event, index): readonly Fault[] => {
    const isWhole = foundObject(event)?.seal === "whole"
    return isWhole
      ? []
      : [eventFault("edited", index, "does not have the hash of its content: it was edited.")]
  })
  if (made === undefined) {
    const message = "There is no decision among the events."
    return [...faults, { kind: "gap", part: "receiptTrail.events", message }]
  }
  let last = made
  const before = events.slice(0, at)
  const used = [
    mandateEvent(before, made.mandate, undefined),
    mandateEvent(before, String(made.data["agentMandate"]), made.data["agent"] ?? null),
  ]
  for (const [index, event] of events.entries()) {
    if (foundObject(event) === undefined) continue
    const previous = events[index - 1]
    const isInOrder = event.wallet === wallet && event.seq > (previous?.seq ?? 0)
    const fits = index < at ? used.includes(event) : index === at || follows(event, previous, last, made)
    if (index > at && event.type !== "spend.overage") last = event
    if (isInOrder && fits) continue
    faults.push(
      eventFault(
        "gap",
        index,
        "does not follow: an event of the decision is missing, or one too many is here.",
      ),
    )
  }
  return faults
}

/** Each event of a decision names the one before it, so that none can be left out. */
function follows(
  event: TrailEvent,
  previous: TrailEvent | undefined,
  last: TrailEvent,
  made: TrailEvent,
): boolean {
  if (event.type === "decision.made" || event.data["decision"] !== made.data["decision"]) return false
  return event.type === "spend.overage"
    ? event.seq === (previous?.seq ?? 0) + 1
    : event.data["after"] === last.seq
}

function eventFault(kind: FaultKind, index: number, what: string): Fault {
  const part = `receiptTrail.events[${index}]`
  return { kind, part, message: `Event ${index + 1} of the packet ${what}` }
}

function disclosureFaults(
  events: readonly TrailEvent[],
  disclosures: readonly PacketDisclosure[],
): readonly Fault[] {
  return disclosures.flatMap(({ seq, name, salt, value }, index): readonly Fault[] => {
    const digest = disclosureDigest(name, { salt, value })
    if (events.some((event) => event.seq === seq && event.data[name] === digest)) return []
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
