import assert from "node:assert/strict"
import fc from "fast-check"
import { describe, test } from "vitest"
import { NornrError } from "../error/nornr-error.ts"
import { parseCounterparty } from "./counterparty.ts"

const normal = (value: unknown) => parseCounterparty(value, "to", "invalid_intent")

/** Letters and signs that change their shape when they are normalised. */
const hostile = fc
  .array(
    fc.constantFrom(
      ..."ßıİſςσΣǅﬁ㏂½K",
      "\u0301",
      "\u0307",
      "\u200d",
      "//",
      ":",
      ".",
      "@",
      "[",
      "]",
      "a",
      "1",
      " ",
      "%41",
      "x",
      "http:",
    ),
  )
  .map((parts) => parts.join(""))

describe("counterparties", () => {
  test("have one spelling, whatever the caller writes", () => {
    for (const spelling of [
      "evil.example",
      "EVIL.example ",
      " Evil.Example.",
      "https://evil.example/pay?x=1",
      "ｅｖｉｌ.example",
      "evil\u200b.example",
      "http://evil.example:8080",
      "evil．example",
    ]) {
      assert.equal(normal(spelling), "evil.example", JSON.stringify(spelling))
    }
    for (const spelling of [
      "evil.example/x",
      "evil.example:443/x?y",
      "//evil.example",
      "wss://evil.example",
      "ftp://user:pw@evil.example#a",
      "evil。example",
      "evil｡example",
      "evil.example?x",
      "evil.example:",
      "user:pw@evil.example",
      "https:evil.example",
      "https:/evil.example",
      "https:\\evil.example",
      "evil.example..",
      "https://evil.example../",
    ]) {
      assert.equal(normal(spelling), "evil.example", JSON.stringify(spelling))
    }
    for (const name of ["3.5", "ana@example.com", "acme/europe", "invoice 12.3/a", "0xabc", "a:b"])
      assert.equal(normal(name), name)
    assert.equal(normal("Bücher.example"), "xn--bcher-kva.example")
    assert.equal(normal("Acme  Corp"), "acme corp")
    assert.equal(normal("OpenAI"), "openai")
  })

  test("cannot be told apart by accents, cases or addresses that look alike", () => {
    assert.equal(normal("cafe\u200d\u0301"), "café")
    assert.equal(normal("CAFE\u034f\u0301"), "café")
    assert.equal(normal("οδοσ"), normal("ΟΔΟΣ"))
    assert.equal(normal("127.0.0.1:80"), "127.0.0.1")
    assert.equal(normal("[::1]:8080"), normal("http://[0:0:0:0:0:0:0:1]/"))
    assert.equal(normal("https://ΑΣ-Β.gr/"), normal("ασ-β.gr"))
    assert.notEqual(normal("account://010"), normal("account://8"))
    assert.throws(() => normal("https://evil.example:99999/"), { code: "invalid_intent" })
    assert.equal(normal("http://2130706433/"), "127.0.0.1")
  })

  test("are normal once they are normal", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary", maxLength: 40 }), hostile), (text) => {
        try {
          const once = normal(text)
          assert.equal(normal(once), once)
        } catch (error) {
          assert(NornrError.isInstance(error), String(error))
        }
      }),
      { numRuns: 2000 },
    )
  })

  test("are read in no time, however hostile", () => {
    for (const text of [
      `${"㏂".repeat(511)}@`,
      `${"a.".repeat(255)}@`,
      `${"a.".repeat(255)}:`,
      "/".repeat(512),
      `${"[".repeat(511)}.`,
    ]) {
      try {
        normal(text)
      } catch (error) {
        assert(NornrError.isInstance(error))
      }
    }
  })

  test("have a visible name", () => {
    for (const wrong of ["", "   ", "\u200b", "a\u0000b", "\ud800", "x".repeat(600), 7, null, {}]) {
      assert.throws(() => normal(wrong), { code: "invalid_intent" })
    }
  })
})
