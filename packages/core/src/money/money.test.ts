import assert from "node:assert/strict"
import fc from "fast-check"
import { describe, test } from "vitest"
import { formatMicros, MAX_MICROS, parseAmount, parseCurrency, parseMicros } from "./money.ts"

const micros = (value: unknown) => parseMicros(value, "amount")

describe("amounts", () => {
  test("lose the noise of floating point and nothing else", () => {
    assert.equal(micros(0.1 + 0.2), 300_000n)
    assert.equal(micros(3 * 0.02), 60_000n)
    assert.equal(micros(1.1 * 3), 3_300_000n)
    assert.equal(micros(20_000_000.1), 20_000_000_100_000n)
    assert.equal(micros(9_007_199_254), 9_007_199_254_000_000n)
  })

  test("round what is below a millionth up, so that a hold covers the price", () => {
    assert.equal(micros(0.000_000_1), 1n)
    assert.equal(micros(0.000_185_1), 186n)
    assert.equal(micros(1234 * (0.15 / 1_000_000)), 186n)
    assert.equal(micros(1e-12), 0n)
  })

  test("are zero where they say zero", () => {
    assert.equal(micros(0), 0n)
    assert.equal(micros(-0), 0n)
    assert.equal(micros("0"), 0n)
    assert.equal(micros("0.000000"), 0n)
  })

  test("are exact as strings", () => {
    assert.equal(micros("12.50"), 12_500_000n)
    assert.equal(micros("9007199254.740991"), MAX_MICROS)
    assert.throws(() => micros("9007199254.740992"), { code: "invalid_amount" })
    assert.throws(() => micros("0.0000001"), { code: "invalid_amount" })
  })

  test("carry their own currency where they name one", () => {
    assert.deepEqual(parseAmount({ amount: "1.5", currency: "eur" }, "amount", "USD"), {
      micros: 1_500_000n,
      currency: "EUR",
    })
    assert.deepEqual(parseAmount(2, "amount", "USD"), { micros: 2_000_000n, currency: "USD" })
  })

  test("survive text and back for every amount", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: MAX_MICROS }), (amount) => {
        const text = formatMicros(amount)
        assert.match(text, /^\d+\.\d{2,6}$/)
        assert.equal(micros(text), amount)
      }),
    )
  })

  test("as numbers are never less than the number and less than two millionths more", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1_000_000, noNaN: true }), (value) => {
        const held = Number(micros(value)) / 1_000_000
        assert(held >= value - 1e-9, `${value} is held as ${held}`)
        assert(held < value + 2e-6, `${value} is held as ${held}`)
      }),
    )
  })

  test("written with six decimals or fewer mean the same as numbers and as strings", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 9_000_000_000_000n }), (amount) => {
        const text = formatMicros(amount)
        assert.equal(micros(Number(text)), micros(text))
      }),
    )
  })
})

describe("currencies", () => {
  test("are ISO 4217 codes or token names", () => {
    assert.equal(parseCurrency("usd", "currency"), "USD")
    assert.equal(parseCurrency("USDC", "currency"), "USDC")
    for (const wrong of ["", "US", "XQX", "U$D", 3, null]) {
      assert.throws(() => parseCurrency(wrong, "currency"), { code: "invalid_currency" })
    }
  })
})
