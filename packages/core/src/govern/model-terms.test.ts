import assert from "node:assert/strict"
import fc from "fast-check"
import { describe, test } from "vitest"
import { parseModelTerms } from "./model-terms.ts"

const terms = {
  to: "openai",
  price: { input: "1.25", output: "10", cachedInput: "0.125" },
  maxOutputTokens: 1000,
}

describe("terms of a model", () => {
  test("bound a call by a token for each byte of text and the longest answer", () => {
    const { most } = parseModelTerms(terms, "model")
    assert.equal(most({ bytes: 4000 }), "0.015")
    assert.equal(most({ bytes: 0 }), "0.01")
  })

  test("bound a prompt that is not text by maxInputTokens alone", () => {
    const image = { bytes: 4, unbounded: "A message holds an image" }
    assert.throws(() => parseModelTerms(terms, "model").most(image), {
      code: "invalid_option",
      message: /^A message holds an image, and nothing bounds.*Set model\.maxInputTokens/,
    })
    assert.throws(() => parseModelTerms(terms, "").most(image), /Set maxInputTokens/)
    const bounded = parseModelTerms({ ...terms, maxInputTokens: 8000 }, "model")
    assert.equal(bounded.most(image), "0.02")
  })

  test("price what the provider counted, cached input apart, rounded up once", () => {
    const { cost } = parseModelTerms(terms, "model")
    assert.equal(cost({ input: 3000, output: 100, cachedInput: 2000 }), "0.0025")
    assert.equal(cost({ input: 1, output: 0 }), "0.000002")
    assert.equal(cost({ input: 0, output: 0 }), "0.00")
    assert.throws(() => cost({ input: Number.NaN, output: 1 }), RangeError)
  })

  test("give the hold back where the provider has refused the request, and nowhere else", () => {
    const { onError } = parseModelTerms(terms, "model")
    const rules = [400, 401, 429, 408, 409, 500, undefined].map((status) => onError({ status }))
    assert.deepEqual(rules, ["release", "release", "release", "hold", "hold", "hold", "hold"])
    assert.equal(onError(undefined), "hold")
  })

  test("never price a call below the same call with less cached", () => {
    const { cost } = parseModelTerms(terms, "model")
    const count = fc.integer({ min: 0, max: 1_000_000 })
    fc.assert(
      fc.property(count, count, count, (input, output, cached) => {
        assert(Number(cost({ input, output, cachedInput: cached })) <= Number(cost({ input, output })))
      }),
    )
  })

  test.each([
    [
      { ...terms, maxOutputTokens: undefined },
      /model\.maxOutputTokens is undefined\. Set it to the most tokens/,
    ],
    [{ ...terms, to: undefined }, /model\.to is undefined/],
    [
      { ...terms, price: { input: "1" } },
      /model\.price\.output is undefined\. Say what a million tokens cost/,
    ],
    [{ ...terms, price: { input: "1.2345678", output: 1 } }, /model\.price\.input/],
    [{ ...terms, price: { input: -1, output: 1 } }, /model\.price\.input is -1/],
    [{ ...terms, maxTokens: 4 }, /model\.maxTokens is not a known name/],
    [{ ...terms, maxOutputTokens: 0.5 }, /model\.maxOutputTokens is 0\.5/],
    ["gpt-5", /model/],
  ])("refuse %j by its field", (given, message) => {
    assert.throws(() => parseModelTerms(given, "model"), message)
  })
})
