import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { verifyPacket } from "../../src/index.ts"
import {
  checkDocument,
  checkText,
  digested,
  digestedAsIs,
  events,
  type Line,
  samples,
  sealedAnew,
  withSamples,
} from "./samples.ts"

withSamples()

describe("what only a hostile signer or a stranger writes, by two verifiers that share no code", () => {
  const asItIs = (list: readonly Line[], change: object = {}, proof: unknown = null) => {
    const { receiptTrail, ...packet } = samples.costly
    return digestedAsIs({
      ...packet,
      ...change,
      proof,
      receiptTrail: { ...receiptTrail, events: list as never },
    })
  }
  const changed = (at: number, change: Line) => {
    const list = events(samples.costly).map((event, index) =>
      index === at ? { ...event, ...change } : event,
    )
    return asItIs(list, {}, samples.costly.proof)
  }
  const resealedWith = (type: string, data: (before: Line) => Line) =>
    asItIs(
      events(samples.costly)
        .filter((event) => type !== "spend.settled" || event["type"] !== "spend.overage")
        .map((event) => (event["type"] === type ? sealedAnew(event, data(event["data"] as Line)) : event)),
    )
  const allGroups = [
    ...["approvalState", "auditExport", "intent", "policyDecision", "provenance"],
    ...["receiptTrail", "settlementState"],
  ].map((name) => `group_differs ${name}`)
  const first = () => events(samples.costly)[0] as Line

  test.each<readonly [string, () => unknown, readonly string[]]>([
    [
      "an event without its hash",
      () => changed(1, { hash: undefined }),
      ["edited receiptTrail.events[1]", "proof_fails proof.leaves[1]"],
    ],
    [
      "a decision whose time has no form, over a leaf that fits",
      () => changed(1, { at: "yesterday" }),
      [
        ...["disclosure_differs disclosures[0]", "disclosure_differs disclosures[1]"],
        ...["edited receiptTrail.events[1]", "gap receiptTrail.events"],
      ],
    ],
    [
      "no decision, and one event twice",
      () => asItIs([first(), first()], { disclosures: [] }),
      ["gap receiptTrail.events", "gap receiptTrail.events[1]"],
    ],
    [
      "a cost that is no amount",
      () => resealedWith("spend.settled", (data) => ({ ...data, cost: "5" })),
      allGroups,
    ],
    [
      "a decision that names none",
      () => resealedWith("decision.made", ({ decision: _none, ...data }) => data),
      [1, 2, 3, 4, 5, 6].map((at) => `gap receiptTrail.events[${at}]`),
    ],
  ])("%s", async (_name, packet, expected) => {
    assert.deepEqual(await checkDocument("packet", packet(), {}), expected)
  })

  test.each<readonly [string, (digest: string) => unknown]>([
    ["a list that reads as a digest", (digest) => [digest]],
    ["an object that makes its own text", () => ({ toString: 1 })],
  ])("%s where a digest belongs", async (_name, made) => {
    const packet = resealedWith("decision.made", (data) => ({
      ...data,
      purpose: made(String(data["purpose"])),
    }))
    const found = await checkDocument("packet", packet, {})
    assert(
      found.some((fault) => fault.startsWith("disclosure_differs")),
      found.join(),
    )
  })

  test.each([
    ["receipt", () => samples.receiptProof],
    ["consistency", () => samples.consistency],
  ] as const)("a %s proof with more than belongs there", async (what, proof) => {
    const more = JSON.stringify({ ...proof(), x: "more" })
    for (const text of [more, more.replace('"more"', "1e400")])
      assert.deepEqual(await checkText(what, text), ["malformed proof"])
    const number = JSON.stringify(samples.receiptProof).replace('"data":{', '"data":{"x":1e400,')
    assert.deepEqual(await checkText("receipt", number), ["malformed proof"])
  })

  test("a checkpoint with more signatures than anyone should check", async () => {
    const { checkpoint } = samples.receiptProof
    const line = `${checkpoint.trimEnd().split("\n").at(-1)}\n`
    const signed = (more: number) => ({ ...samples.receiptProof, checkpoint: checkpoint + line.repeat(more) })
    assert.deepEqual(await checkDocument("receipt", signed(99)), [])
    assert.deepEqual(await checkDocument("receipt", signed(100)), ["malformed_checkpoint checkpoint"])
  })
})

test("a packet of very many things that are no events is unsound, and no crash", async () => {
  const forged = digested({ ...samples.packet, proof: null })
  const junk = Array.from({ length: 150_000 }, () => ({}))
  const text = JSON.stringify({ ...forged, receiptTrail: { ...samples.packet.receiptTrail, events: junk } })
  const report = await verifyPacket(text)
  assert(!report.ok && report.more > 100_000)
})

describe("the text of a document, by two verifiers that share no code", () => {
  const replaced = (value: string) => {
    const text = JSON.stringify(samples.packet)
    return text.replace('"schemaVersion":"1"', `"schemaVersion":${value},"schemaVersion":"1"`)
  }

  test.each([
    ["a value that another replaces", '"2"'],
    ["a value that the same replaces", '"1"'],
    ["a lone surrogate that another value replaces", '"\\ud800"'],
    ["a value nested too deep that another replaces", `${"[".repeat(64)}${"]".repeat(64)}`],
  ])("with %s", async (_name, value) => {
    assert.deepEqual(await checkText("packet", replaced(value)), ["malformed packet"])
  })

  test("may be laid out as one likes", async () => {
    assert.deepEqual(await checkText("packet", JSON.stringify(samples.packet, null, 2)), [])
  })

  test.each(["", "{", "no JSON", "[]", "null", "1"])("%j is none", async (text) => {
    assert.deepEqual(await checkText("packet", text), ["malformed packet"])
    assert.deepEqual(await checkText("receipt", text), ["malformed proof"])
    assert.deepEqual(await checkText("consistency", text), ["malformed proof"])
  })
})
