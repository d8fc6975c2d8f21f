import assert from "node:assert/strict"
import { describe, test } from "vitest"
import type { ProofPacket } from "../../src/index.ts"
import { newCheckpointKey, publicKeyText, signCheckpoint } from "../../src/trail/note.ts"
import { hasPython } from "../python.ts"
import {
  type Beside,
  checkDocument,
  digested,
  events,
  type Line,
  leaves,
  rewritten,
  samples,
  sealedAnew,
  withEvents,
  withSamples,
} from "./samples.ts"

withSamples()

/** A packet without one of its events and its leaf, and made to fit. */
const without = (packet: ProofPacket, at: number) =>
  withEvents(
    packet,
    events(packet).filter((_, index) => index !== at),
    packet.proof && { ...packet.proof, leaves: leaves(packet).filter((_, index) => index !== at) },
  )

const packets: readonly (readonly [
  string,
  (packet: ProofPacket) => unknown,
  readonly string[],
  (() => Beside)?,
])[] = [
  ["nothing", (p) => p, []],
  [
    "its amount edited",
    (p) => ({ ...p, intent: { ...p.intent, amount: "3.10" } }),
    ["digest_differs digest", "group_differs intent"],
  ],
  [
    "its amount edited and digested anew",
    (p) => digested(p, { intent: { ...p.intent, amount: "3.10" } }),
    ["group_differs intent"],
  ],
  [
    "its reviewer edited",
    (p) => digested(p, { approvalState: { ...p.approvalState, by: "bob" } }),
    ["group_differs approvalState"],
  ],
  [
    "its mandate edited",
    (p) => digested(p, { policyDecision: { ...p.policyDecision, status: "approved" } }),
    ["group_differs policyDecision"],
  ],
  [
    "its outcome edited",
    (p) => digested(p, { settlementState: { ...p.settlementState, settled: "1.00" } }),
    ["group_differs settlementState"],
  ],
  ["its id edited", (p) => ({ ...p, packetId: `pkt_${"0".repeat(32)}` }), ["digest_differs digest"]],
  [
    "an event edited",
    (p) =>
      withEvents(
        p,
        events(p).map((e, i) => (i === 1 ? { ...e, at: "2020-01-01T00:00:00.000Z" } : e)),
      ),
    ["edited receiptTrail.events[1]"],
  ],
  [
    "an event left out",
    (p) =>
      withEvents(
        p,
        events(p).filter((_, i) => i !== 2),
        p.proof && { ...p.proof, leaves: leaves(p).filter((_, i) => i !== 2) },
      ),
    ["disclosure_differs disclosures[2]", "gap receiptTrail.events[2]"],
  ],
  [
    "an event repeated",
    (p) => withEvents(p, [...events(p), events(p).at(-1) as Line]),
    ["gap receiptTrail.events[6]", "proof_fails proof.leaves[6]"],
  ],
  [
    "an event of another decision",
    (p) => withEvents(p, [...events(p).slice(0, -1), events(samples.agentPacket).at(-1) as Line]),
    ["disclosure_differs disclosures[4]", "gap receiptTrail.events[5]", "proof_fails proof.leaves[5]"],
  ],
  [
    "no decision",
    (p) => ({ ...p, receiptTrail: { ...p.receiptTrail, events: [] } }),
    [
      "digest_differs digest",
      "gap receiptTrail.events",
      ...[0, 1, 2, 3, 4].map((at) => `disclosure_differs disclosures[${at}]`),
    ],
  ],
  ["an overage left out", () => without(samples.costly, 4), ["gap receiptTrail.events[3]"]],
  [
    "its mandate left out",
    (p) => withEvents(p, events(p).slice(1), p.proof && { ...p.proof, leaves: leaves(p).slice(1) }),
    ["gap receiptTrail.events"],
  ],
  ["something added", (p) => ({ ...p, verdict: "fine" }), ["malformed packet"]],
  [
    "its texts in another order",
    (p) => digested({ ...p, disclosures: [...p.disclosures].reverse() }),
    ["malformed packet"],
  ],
  [
    "an event that is none",
    (p) => ({ ...p, receiptTrail: { ...p.receiptTrail, events: [{ type: "decision.made" }, ...events(p)] } }),
    [
      ...["digest_differs digest", "edited receiptTrail.events[0]"],
      ...[0, 1, 2, 3, 4, 5, 6].map((at) => `proof_fails proof.leaves[${at}]`),
    ],
  ],
  [
    "a comment edited",
    (p) =>
      digested({
        ...p,
        disclosures: p.disclosures.map((d) => (d.name === "comment" ? { ...d, value: "no" } : d)),
      }),
    ["disclosure_differs disclosures[2]"],
  ],
  ["its texts taken out", (p) => digested({ ...p, disclosures: [] }), []],
  ["no proof", (p) => digested(p, { proof: null }), ["uncovered proof"]],
  [
    "a proof of another event",
    (p) =>
      digested(p, {
        proof: p.proof && {
          ...p.proof,
          leaves: leaves(p).map((leaf, i) => (i === 1 ? { ...leaf, index: 0 } : leaf)),
        },
      }),
    ["proof_fails proof.leaves[1]"],
  ],
  [
    "a proof too few",
    (p) => digested(p, { proof: p.proof && { ...p.proof, leaves: leaves(p).slice(0, -1) } }),
    ["proof_fails proof.leaves[5]"],
  ],
  [
    "the key swapped",
    (p) => p,
    ["unknown_key proof.checkpoint"],
    () => ({ keys: [publicKeyText(newCheckpointKey("example.com/spend"))] }),
  ],
  [
    "a forged checkpoint",
    (p) =>
      digested(p, {
        proof: p.proof && { ...p.proof, checkpoint: p.proof.checkpoint.replace(/\n\d+\n/, "\n9\n") },
      }),
    ["bad_signature proof.checkpoint"],
  ],
  [
    "a remark put beside an event that has none to show",
    (p) =>
      withEvents(
        p,
        events(p).map((e, i) => (i === 1 ? { ...e, remark: "FORGED: approved by the CFO" } : e)),
      ),
    ["edited receiptTrail.events[1]"],
  ],
  [
    "an agent's mandate that is no hash, sealed",
    (p) =>
      withEvents(
        p,
        events(p).map((e) =>
          e["type"] === "decision.made" ? sealedAnew(e, { ...(e["data"] as Line), agentMandate: 5 }) : e,
        ),
        null,
      ),
    ["gap receiptTrail.events"],
    () => ({}),
  ],
  [
    "an agent of a mandate that is null, as if it were absent, sealed",
    (p) =>
      withEvents(
        p,
        events(p).map((e, i) => (i === 0 ? sealedAnew(e, { ...(e["data"] as Line), agent: null }) : e)),
        null,
      ),
    [],
    () => ({}),
  ],
  [
    "a field more in its trail",
    (p) => digested(p, { receiptTrail: { ...p.receiptTrail, approvedBy: "the CFO" } }),
    ["malformed packet"],
  ],
  ["no packet", () => ({ kind: "nornr.proof_packet" }), ["malformed packet"]],
  ["a list", () => [], ["malformed packet"]],
  ["a number that is not whole", (p) => ({ ...p, intent: { ...p.intent, x: 0.5 } }), ["malformed packet"]],
]

describe("a proof packet, by two verifiers that share no code", () => {
  test.each(packets.map((each) => ({ name: each[0], each })))(
    "shows $name",
    async ({ each: [name, tamper, expected, beside] }) => {
      const given = tamper(samples.packet)
      const all =
        name === "no decision"
          ? [...expected, ...leaves(samples.packet).map((_, i) => `proof_fails proof.leaves[${i}]`)]
          : expected
      assert.deepEqual(await checkDocument("packet", given, beside?.()), [...all].sort())
    },
  )

  test("of an agent with a mandate of its own is sound", async () => {
    assert.deepEqual(await checkDocument("packet", samples.agentPacket), [])
    assert.equal(events(samples.agentPacket).length, 4)
  })
})

const proofs: readonly (readonly [
  string,
  "receipt" | "consistency",
  () => unknown,
  readonly string[],
  (() => Beside)?,
])[] = [
  ["a receipt", "receipt", () => samples.receiptProof, []],
  [
    "a receipt of another event",
    "receipt",
    () => ({ ...samples.receiptProof, receipt: { ...samples.receiptProof.receipt, hash: "0".repeat(64) } }),
    ["proof_fails hashes", "receipt_mismatch receipt"],
  ],
  [
    "a receipt at another place",
    "receipt",
    () => ({ ...samples.receiptProof, index: 1 }),
    ["proof_fails hashes"],
  ],
  [
    "a receipt with hashes that are none",
    "receipt",
    () => ({ ...samples.receiptProof, hashes: ["x"] }),
    ["proof_fails hashes"],
  ],
  [
    "a receipt under a swapped key",
    "receipt",
    () => samples.receiptProof,
    ["unknown_key checkpoint"],
    () => ({ keys: [publicKeyText(newCheckpointKey("example.com/spend"))] }),
  ],
  [
    "a receipt with a remark put beside its event",
    "receipt",
    () => ({ ...samples.receiptProof, event: { ...samples.receiptProof.event, remark: "FORGED" } }),
    ["edited event"],
  ],
  [
    "a receipt with half a character",
    "receipt",
    () => ({ ...samples.receiptProof, x: "\ud800" }),
    ["malformed proof"],
  ],
  [
    "growth, nested too deep",
    "consistency",
    () => ({ ...samples.consistency, x: JSON.parse(`${"[".repeat(64)}${"]".repeat(64)}`) }),
    ["malformed proof"],
  ],
  ["no receipt", "receipt", () => ({}), ["malformed proof"]],
  ["growth", "consistency", () => samples.consistency, []],
  [
    "growth backwards",
    "consistency",
    () => ({ ...samples.consistency, from: samples.consistency.to, to: samples.consistency.from }),
    ["shrunk to"],
  ],
  [
    "growth with a hash too few",
    "consistency",
    () => ({ ...samples.consistency, hashes: samples.consistency.hashes.slice(1) }),
    ["proof_fails hashes"],
  ],
  [
    "growth from nowhere",
    "consistency",
    () => ({ ...samples.consistency, from: "x" }),
    ["malformed_checkpoint from"],
  ],
  [
    "growth of a forged ledger",
    "consistency",
    () => ({
      ...samples.consistency,
      to: signCheckpoint(newCheckpointKey("example.com/spend"), rewritten(samples.whole).head),
    }),
    ["unknown_key to"],
  ],
  ["no proof", "consistency", () => ({ kind: "nornr.consistency_proof", v: 1 }), ["malformed proof"]],
]

describe("a proof, by two verifiers that share no code", () => {
  test.each(proofs.map((each) => ({ name: each[0], each })))(
    "of $name",
    async ({ each: [, what, document, expected, beside] }) => {
      assert.deepEqual(await checkDocument(what, document(), beside?.()), expected)
    },
  )
})

test("both verifiers were asked", () => {
  assert(hasPython || process.env["CI"] === undefined, "CI has no python3 or openssl")
})
