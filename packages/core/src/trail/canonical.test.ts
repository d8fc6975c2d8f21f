import assert from "node:assert/strict"
import canonicalize from "canonicalize"
import fc from "fast-check"
import { describe, test } from "vitest"
import { canonicalJson } from "./canonical.ts"

const canonical = (value: unknown) => canonicalJson(value, "args")

describe("canonical JSON", () => {
  test("is what the reference library writes, for any JSON", () => {
    const wellFormed = fc.jsonValue({ stringUnit: "binary", maxDepth: 5 })
    fc.assert(
      fc.property(wellFormed, (value) => assert.equal(canonical(value), canonicalize(value))),
      { numRuns: 1000 },
    )
  })

  test("leaves out a field that is undefined, as JSON does", () => {
    assert.equal(canonical({ a: 1, b: undefined }), '{"a":1}')
  })

  test("sorts names as RFC 8785 §3.2.3 does", () => {
    const value = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7 }
    assert.equal(canonical(value), '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}')
  })

  test("refuses what JSON cannot hold and never converts it", () => {
    const cycle: Record<string, unknown> = {}
    cycle["self"] = cycle
    const wrong = [
      undefined,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1n,
      new Date(0),
      new Map(),
      () => 1,
      Symbol("x"),
      "\ud800",
      { "\ud800": 1 },
      [undefined],
      { a: [undefined] },
      cycle,
    ]
    for (const value of wrong) assert.throws(() => canonical(value), { code: "invalid_intent" })
  })
})
