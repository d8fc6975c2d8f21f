import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { type BadInput, requireError } from "../../test/require-error.ts"
import { memoryLedger } from "../ledger/memory.ts"
import { Wallet } from "./wallet.ts"

const cycle: Record<string, unknown> = {}
cycle["self"] = cycle
let deep: unknown = "end"
for (let level = 0; level < 100; level++) deep = [deep]
const trap = new Proxy(
  {},
  {
    get: () => {
      throw new Error("trap")
    },
    ownKeys: () => {
      throw new Error("trap")
    },
  },
)
const thrower = {
  get a() {
    throw new Error("getter")
  },
}

const intents: readonly BadInput[] = [
  ["no intent", undefined, "invalid_intent", /The argument is undefined\. Pass an object/],
  ["null", null, "invalid_intent", /The argument is null/],
  ["an array", [], "invalid_intent", /The argument is \[\]/],
  ["a number", 5, "invalid_intent", /The argument is 5/],
  ["a proxy that throws", trap, "invalid_intent", /The intent cannot be read/],
  [
    "a field that is inherited",
    Object.create({ idempotencyKey: "k" }, { amount: { value: 1 }, to: { value: "x" } }),
    "invalid_intent",
    /idempotencyKey is "inherited"/,
  ],
  [
    "an amount with more than an amount",
    { amount: { amount: 1, currency: "USD", per: "day" }, to: "x" },
    "invalid_amount",
    /amount\.per is not a known name/,
  ],
  [
    "an unknown field",
    { amount: 1, to: "x", ammount: 2 },
    "invalid_intent",
    /ammount is not a known name.*amount/,
  ],
  [
    "a prototype name",
    JSON.parse('{"amount":1,"to":"x","__proto__":{}}'),
    "invalid_intent",
    /__proto__ is not a known name/,
  ],
  ["no amount", { to: "x" }, "invalid_amount", /amount is undefined\. Use a number, or a decimal string/],
  ["a negative amount", { amount: -1, to: "x" }, "invalid_amount", /amount is -1\. Use zero or more/],
  ["not a number", { amount: Number.NaN, to: "x" }, "invalid_amount", /amount is NaN\. Use a finite/],
  ["infinity", { amount: Number.POSITIVE_INFINITY, to: "x" }, "invalid_amount", /amount is Infinity/],
  ["a number beyond range", { amount: 1e10, to: "x" }, "invalid_amount", /Use at most 9007199254\.740991/],
  ["a bigint", { amount: 5n, to: "x" }, "invalid_amount", /amount is 5n/],
  ["a boolean", { amount: true, to: "x" }, "invalid_amount", /amount is true/],
  ["an empty string", { amount: "", to: "x" }, "invalid_amount", /amount is ""/],
  ["seven decimals", { amount: "0.1234567", to: "x" }, "invalid_amount", /at most six decimals/],
  ["an exponent", { amount: "1e3", to: "x" }, "invalid_amount", /plain decimal digits/],
  ["a comma", { amount: "1,50", to: "x" }, "invalid_amount", /plain decimal digits/],
  ["a sign", { amount: "+1", to: "x" }, "invalid_amount", /plain decimal digits/],
  ["white space", { amount: " 1", to: "x" }, "invalid_amount", /plain decimal digits/],
  [
    "a million digits",
    { amount: "9".repeat(1_000_000), to: "x" },
    "invalid_amount",
    /amount is "9{50,60}\.\.\./,
  ],
  [
    "an amount object without an amount",
    { amount: { currency: "USD" }, to: "x" },
    "invalid_amount",
    /amount\.amount is undefined/,
  ],
  [
    "an amount object without a currency",
    { amount: { amount: 1 }, to: "x" },
    "invalid_currency",
    /amount\.currency is undefined/,
  ],
  [
    "an unknown currency",
    { amount: { amount: 1, currency: "XQX" }, to: "x" },
    "invalid_currency",
    /amount\.currency is "XQX"/,
  ],
  ["no counterparty", { amount: 1 }, "invalid_intent", /to is undefined\. Use a string/],
  ["an empty counterparty", { amount: 1, to: " " }, "invalid_intent", /to is " "/],
  ["an invisible counterparty", { amount: 1, to: "\u200b\u2060" }, "invalid_intent", /visible/],
  [
    "a counterparty with a control character",
    { amount: 1, to: "a\u0000b" },
    "invalid_intent",
    /control characters/,
  ],
  ["a counterparty with a lone surrogate", { amount: 1, to: "a\ud800" }, "invalid_intent", /lone surrogates/],
  [
    "a huge counterparty",
    { amount: 1, to: "x".repeat(100_000) },
    "invalid_intent",
    /at most 512 characters; this has 100000/,
  ],
  ["a purpose that is no text", { amount: 1, to: "x", purpose: 5 }, "invalid_intent", /purpose is 5/],
  ["an endless purpose", { amount: 1, to: "x", purpose: "y".repeat(1001) }, "invalid_intent", /at most 1000/],
  ["tags that are a list", { amount: 1, to: "x", tags: ["a"] }, "invalid_intent", /tags is \["a"\]/],
  ["a tag that is no text", { amount: 1, to: "x", tags: { team: 5 } }, "invalid_intent", /tags\.team is 5/],
  [
    "a tag name with a space",
    { amount: 1, to: "x", tags: { "a b": "c" } },
    "invalid_intent",
    /Name tags with/,
  ],
  [
    "too many tags",
    {
      amount: 1,
      to: "x",
      tags: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`t${index}`, "x"])),
    },
    "invalid_intent",
    /at most 32 tags/,
  ],
  ["a tool that is no text", { amount: 1, to: "x", tool: {} }, "invalid_intent", /tool is \{\}/],
  [
    "arguments with a cycle",
    { amount: 1, to: "x", args: cycle },
    "invalid_intent",
    /args is nested deeper than 64 levels/,
  ],
  ["arguments of great depth", { amount: 1, to: "x", args: deep }, "invalid_intent", /args is nested deeper/],
  [
    "arguments with a date",
    { amount: 1, to: "x", args: { at: new Date(0) } },
    "invalid_intent",
    /args holds 1970-01-01/,
  ],
  ["arguments with a bigint", { amount: 1, to: "x", args: [1n] }, "invalid_intent", /args holds 1n/],
  [
    "arguments with a function",
    { amount: 1, to: "x", args: () => 1 },
    "invalid_intent",
    /args holds a function/,
  ],
  ["arguments that throw", { amount: 1, to: "x", args: thrower }, "invalid_intent", /cannot be read/],
  [
    "arguments over a mebibyte",
    { amount: 1, to: "x", args: "z".repeat(1_100_000) },
    "invalid_intent",
    /at most 1 MiB/,
  ],
  ["a run that is text", { amount: 1, to: "x", run: "t1" }, "invalid_intent", /run is "t1"/],
  [
    "an unknown field of a run",
    { amount: 1, to: "x", run: { threadId: "t" } },
    "invalid_intent",
    /run\.threadId is not a known name/,
  ],
  ["an empty thread", { amount: 1, to: "x", run: { thread: "" } }, "invalid_intent", /run\.thread is ""/],
  ["an empty key", { amount: 1, to: "x", idempotencyKey: "" }, "invalid_intent", /idempotencyKey is ""/],
  [
    "a key that is a number",
    { amount: 1, to: "x", idempotencyKey: 7 },
    "invalid_intent",
    /idempotencyKey is 7/,
  ],
  ["a huge key", { amount: 1, to: "x", idempotencyKey: "k".repeat(513) }, "invalid_intent", /at most 512/],
  [
    "a signal that is none",
    { amount: 1, to: "x", signal: {} },
    "invalid_intent",
    /signal is \{\}\. Pass the signal/,
  ],
]

describe("a bad intent", () => {
  for (const [what, input, code, message] of intents) {
    test(`is refused: ${what}`, async () => {
      const wallet = await Wallet.create({ owner: "o", dailyLimit: 100, ledger: memoryLedger() })
      for (const call of [() => wallet.pay(input as never), () => wallet.check(input as never)]) {
        await assert.rejects(call, (error) => requireError(error, code, message))
      }
      assert.equal((await wallet.balance()).limits[0]?.remaining, "100.00")
    })
  }

  test("is no worse than a bad decision", async () => {
    const wallet = await Wallet.create({ owner: "o", dailyLimit: 100, ledger: memoryLedger() })
    for (const id of [undefined, null, 5, "", {}, { id: 5 }, "\ud800", "x".repeat(600), trap]) {
      for (const call of [wallet.settle, wallet.release, wallet.cancel]) {
        await assert.rejects(call.call(wallet, id as never), (error) =>
          requireError(error, "invalid_option", /decision/),
        )
      }
      await assert.rejects(wallet.decision(id as never), (error) =>
        requireError(error, "invalid_option", /decision/),
      )
    }
    const spend = await wallet.pay({ amount: 1, to: "x" })
    for (const amount of [-1, "x", Number.NaN, null]) {
      await assert.rejects(wallet.settle(spend, amount as never), (error) =>
        requireError(error, "invalid_amount", /amount/),
      )
    }
    await assert.rejects(wallet.settle(spend, { amount: 1, currency: "EUR" }), { code: "invalid_currency" })
  })

  test("is no worse than a bad agent or trail query", async () => {
    const wallet = await Wallet.create({ owner: "o", dailyLimit: 100, ledger: memoryLedger() })
    assert.throws(() => wallet.forAgent(""), { code: "invalid_option" })
    assert.throws(() => wallet.forAgent(5 as never), { code: "invalid_option" })
    assert.throws(() => wallet.forAgent("a", { timeZone: "UTC" } as never), { code: "invalid_option" })
    assert.throws(() => wallet.forAgent("a", { dailyLimit: -1 }), { code: "invalid_amount" })
    for (const since of ["yesterday", 5, new Date(Number.NaN)]) {
      await assert.rejects(
        async () => {
          for await (const _ of wallet.trail({ since: since as never })) assert.fail()
        },
        { code: "invalid_option" },
      )
    }
  })
})
