import assert from "node:assert/strict"
import { describe, test } from "vitest"
import type { ErrorCode } from "../error/codes.ts"
import { NornrError } from "../error/nornr-error.ts"
import { memoryLedger } from "../ledger/memory.ts"
import { Wallet } from "./wallet.ts"

type Case = readonly [what: string, input: unknown, code: ErrorCode, message: RegExp]

const cycle: Record<string, unknown> = {}
cycle["self"] = cycle
let deep: unknown = "end"
for (let level = 0; level < 100; level++) deep = [deep]
const trap = new Proxy({}, { get: () => { throw new Error("trap") }, ownKeys: () => { throw new Error("trap") } })
const thrower = { get a() { throw new Error("getter") } }

const intents: readonly Case[] = [
  ["no intent", undefined, "invalid_intent", /The argument is undefined\. Pass an object/],
  ["null", null, "invalid_intent", /The argument is null/],
  ["an array", [], "invalid_intent", /The argument is \[\]/],
  ["a number", 5, "invalid_intent", /The argument is 5/],
  ["a proxy that throws", trap, "invalid_intent", /The intent cannot be read/],
  ["an unknown field", { amount: 1, to: "x", ammount: 2 }, "invalid_intent", /ammount is not a known name.*amount/],
  ["a prototype name", JSON.parse('{"amount":1,"to":"x","__proto__":{}}'), "invalid_intent", /__proto__ is not a known name/],
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
  ["a million digits", { amount: "9".repeat(1_000_000), to: "x" }, "invalid_amount", /amount is "9{50,60}\.\.\./],
  ["an amount object without an amount", { amount: { currency: "USD" }, to: "x" }, "invalid_amount", /amount\.amount is undefined/],
  ["an amount object without a currency", { amount: { amount: 1 }, to: "x" }, "invalid_currency", /amount\.currency is undefined/],
  ["an unknown currency", { amount: { amount: 1, currency: "XQX" }, to: "x" }, "invalid_currency", /amount\.currency is "XQX"/],
  ["no counterparty", { amount: 1 }, "invalid_intent", /to is undefined\. Use a string/],
  ["an empty counterparty", { amount: 1, to: " " }, "invalid_intent", /to is " "/],
  ["an invisible counterparty", { amount: 1, to: "\u200b\u2060" }, "invalid_intent", /visible/],
  ["a counterparty with a control character", { amount: 1, to: "a\u0000b" }, "invalid_intent", /control characters/],
  ["a counterparty with a lone surrogate", { amount: 1, to: "a\ud800" }, "invalid_intent", /lone surrogates/],
  ["a huge counterparty", { amount: 1, to: "x".repeat(100_000) }, "invalid_intent", /at most 512 characters; this has 100000/],
  ["a purpose that is no text", { amount: 1, to: "x", purpose: 5 }, "invalid_intent", /purpose is 5/],
  ["an endless purpose", { amount: 1, to: "x", purpose: "y".repeat(1001) }, "invalid_intent", /at most 1000/],
  ["tags that are a list", { amount: 1, to: "x", tags: ["a"] }, "invalid_intent", /tags is \["a"\]/],
  ["a tag that is no text", { amount: 1, to: "x", tags: { team: 5 } }, "invalid_intent", /tags\.team is 5/],
  ["a tag name with a space", { amount: 1, to: "x", tags: { "a b": "c" } }, "invalid_intent", /Name tags with/],
  ["too many tags", { amount: 1, to: "x", tags: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`t${index}`, "x"])) }, "invalid_intent", /at most 32 tags/],
  ["a tool that is no text", { amount: 1, to: "x", tool: {} }, "invalid_intent", /tool is \{\}/],
  ["arguments with a cycle", { amount: 1, to: "x", args: cycle }, "invalid_intent", /args is nested deeper than 64 levels/],
  ["arguments of great depth", { amount: 1, to: "x", args: deep }, "invalid_intent", /args is nested deeper/],
  ["arguments with a date", { amount: 1, to: "x", args: { at: new Date(0) } }, "invalid_intent", /args holds 1970-01-01/],
  ["arguments with a bigint", { amount: 1, to: "x", args: [1n] }, "invalid_intent", /args holds 1n/],
  ["arguments with a function", { amount: 1, to: "x", args: () => 1 }, "invalid_intent", /args holds a function/],
  ["arguments that throw", { amount: 1, to: "x", args: thrower }, "invalid_intent", /cannot be read/],
  ["arguments over a mebibyte", { amount: 1, to: "x", args: "z".repeat(1_100_000) }, "invalid_intent", /at most 1 MiB/],
  ["a run that is text", { amount: 1, to: "x", run: "t1" }, "invalid_intent", /run is "t1"/],
  ["an unknown field of a run", { amount: 1, to: "x", run: { threadId: "t" } }, "invalid_intent", /run\.threadId is not a known name/],
  ["an empty thread", { amount: 1, to: "x", run: { thread: "" } }, "invalid_intent", /run\.thread is ""/],
  ["an empty key", { amount: 1, to: "x", idempotencyKey: "" }, "invalid_intent", /idempotencyKey is ""/],
  ["a key that is a number", { amount: 1, to: "x", idempotencyKey: 7 }, "invalid_intent", /idempotencyKey is 7/],
  ["a huge key", { amount: 1, to: "x", idempotencyKey: "k".repeat(513) }, "invalid_intent", /at most 512/],
  ["a signal that is none", { amount: 1, to: "x", signal: {} }, "invalid_intent", /signal is \{\}\. Pass the signal/],
]

const place = { owner: "o", dailyLimit: 1 }
const limit = (entry: unknown) => ({ owner: "o", limits: [entry] })
const rule = (entry: unknown) => ({ ...place, rules: [entry] })

const options: readonly Case[] = [
  ["no options", undefined, "invalid_option", /The argument is undefined/],
  ["no owner", { dailyLimit: 1 }, "invalid_option", /owner is undefined\. Name whose budget/],
  ["an empty owner", { ...place, owner: "" }, "invalid_option", /owner is ""/],
  ["a huge owner", { ...place, owner: "o".repeat(129) }, "invalid_option", /at most 128/],
  ["a misspelt term", { ...place, dailylimit: 5 }, "invalid_option", /dailylimit is not a known name.*dailyLimit/],
  ["a prototype name", JSON.parse('{"owner":"o","__proto__":1}'), "invalid_option", /__proto__ is not a known name/],
  ["no limit at all", { owner: "o" }, "no_limit", /Set dailyLimit, or an entry in limits/],
  ["a negative limit", { owner: "o", dailyLimit: -5 }, "invalid_amount", /dailyLimit is -5/],
  ["a limit in another currency", { owner: "o", dailyLimit: { amount: 1, currency: "EUR" } }, "invalid_currency", /dailyLimit is in EUR, the wallet in USD/],
  ["an unknown currency", { ...place, currency: "DOLLARS!" }, "invalid_currency", /currency is "DOLLARS!"/],
  ["a threshold that is text", { ...place, requireApprovalAbove: "lots" }, "invalid_amount", /requireApprovalAbove is "lots"/],
  ["two names of one list", { ...place, whitelist: ["a"], counterparties: { allow: ["b"] } }, "invalid_mandate", /counterparties\.allow and whitelist mean the same/],
  ["an allow list that is text", { ...place, whitelist: "openai" }, "invalid_mandate", /whitelist is "openai"\. Use an array/],
  ["an empty name on a list", { ...place, counterparties: { deny: ["a", ""] } }, "invalid_mandate", /counterparties\.deny\[1\] is ""/],
  ["an unknown kind of list", { ...place, counterparties: { block: [] } }, "invalid_mandate", /counterparties\.block is not a known name/],
  ["limits that are no list", { ...place, limits: {} }, "invalid_mandate", /limits is \{\}/],
  ["too many limits", { ...place, limits: Array.from({ length: 65 }, () => ({ count: 1 })) }, "invalid_mandate", /at most 64/],
  ["a limit of nothing", limit({ per: "day" }), "invalid_mandate", /limits\[0\] needs either an amount or a count/],
  ["a limit of both", limit({ amount: 1, count: 1 }), "invalid_mandate", /needs either/],
  ["an unknown period", limit({ amount: 1, per: "year" }), "invalid_mandate", /limits\[0\]\.per is "year"\. Use one of: hour/],
  ["an unknown group", limit({ amount: 1, by: "vendor" }), "invalid_mandate", /limits\[0\]\.by is "vendor"/],
  ["a group by no tag", limit({ amount: 1, by: "tag:" }), "invalid_mandate", /limits\[0\]\.by is "tag:"/],
  ["an empty filter", limit({ amount: 1, where: {} }), "invalid_mandate", /limits\[0\]\.where is empty/],
  ["an unknown filter", limit({ amount: 1, where: { vendor: "x" } }), "invalid_mandate", /limits\[0\]\.where\.vendor/],
  ["half a count", limit({ count: 1.5 }), "invalid_mandate", /limits\[0\]\.count is 1\.5/],
  ["an unknown consequence", limit({ amount: 1, over: "warn" }), "invalid_mandate", /limits\[0\]\.over is "warn"/],
  ["a rule without a name", rule({ when: "true", then: "queue" }), "invalid_mandate", /rules\[0\]\.name is undefined/],
  ["a rule that would approve", rule({ name: "r", when: "true", then: "approve" }), "invalid_mandate", /rules\[0\]\.then is "approve"/],
  ["a rule that does not parse", rule({ name: "r", when: "intent.amount >", then: "queue" }), "invalid_rule", /rules\[0\]\.when is not a valid rule at character 16/],
  ["a rule over an unknown field", rule({ name: "r", when: "intent.vendor == 'x'", then: "queue" }), "invalid_rule", /No such key: vendor/],
  ["two rules of one name", { ...place, rules: [{ name: "r", when: "true", then: "queue" }, { name: "r", when: "false", then: "queue" }] }, "invalid_mandate", /Two rules are called "r"/],
  ["a duration in words", { ...place, approvalTtl: "a day" }, "invalid_mandate", /approvalTtl is "a day"\. Use milliseconds/],
  ["a duration of nothing", { ...place, approvalTtl: 0 }, "invalid_mandate", /approvalTtl is 0/],
  ["a pending count below zero", { ...place, maxPending: -1 }, "invalid_mandate", /maxPending is -1/],
  ["an end without a zone", { ...place, expiresAt: "2027-01-01" }, "invalid_mandate", /expiresAt is "2027-01-01"\. Use a Date, or ISO 8601 with a zone/],
  ["an end on no day", { ...place, expiresAt: "2027-13-45T00:00:00Z" }, "invalid_mandate", /expiresAt is/],
  ["an invalid Date", { ...place, expiresAt: new Date(Number.NaN) }, "invalid_mandate", /an invalid Date/],
  ["an unknown time zone", { ...place, timeZone: "Mars/Olympus" }, "invalid_mandate", /timeZone is "Mars\/Olympus"/],
  ["a version below one", { ...place, version: 0 }, "invalid_option", /version is 0/],
  ["a clock that is a number", { ...place, clock: 5 }, "invalid_option", /clock is 5/],
  ["a clock without a Date", { ...place, clock: { now: () => 5 } }, "invalid_option", /clock\.now\(\) returned 5/],
  ["an empty ledger name", { ...place, ledger: " " }, "invalid_option", /ledger is " "/],
  ["SQLite's name of memory", { ...place, ledger: ":memory:" }, "invalid_option", /Use "memory:"/],
  ["a ledger that is a URL", { ...place, ledger: "https://x" }, "invalid_option", /Use a path, not a URL/],
  ["a ledger that is a number", { ...place, ledger: 5 }, "invalid_option", /ledger is 5/],
  ["a ledger and a control plane", { ...place, ledger: "memory:", baseUrl: "http://x" }, "invalid_option", /ledger and baseUrl are both given/],
  ["a control plane", { ...place, ledger: undefined, baseUrl: "http://x" }, "unsupported", /baseUrl names a control plane/],
  ["PostgreSQL", { ...place, ledger: "postgres://x" }, "unsupported", /names a PostgreSQL ledger/],
]

function requireError(error: unknown, code: ErrorCode, message: RegExp): boolean {
  assert(NornrError.isInstance(error), `${String(error)} is no NornrError`)
  assert.equal(error.code, code, error.message)
  assert.match(error.message, message)
  assert(error.message.length < 1200, "the message is short")
  return true
}

describe("bad input", () => {
  for (const [what, input, code, message] of intents) {
    test(`is refused in an intent: ${what}`, async () => {
      const wallet = await Wallet.create({ owner: "o", dailyLimit: 100, ledger: memoryLedger() })
      for (const call of [() => wallet.pay(input as never), () => wallet.check(input as never)]) {
        await assert.rejects(call, (error) => requireError(error, code, message))
      }
      assert.equal((await wallet.balance()).limits[0]?.remaining, "100.00")
    })
  }

  for (const [what, input, code, message] of options) {
    test(`is refused in options: ${what}`, async () => {
      const withPlace =
        typeof input === "object" && input !== null && !("ledger" in input) ? { ...input, ledger: memoryLedger() } : input
      await assert.rejects(Wallet.create(withPlace as never), (error) => requireError(error, code, message))
    })
  }

  test("is refused wherever a decision is named", async () => {
    const wallet = await Wallet.create({ owner: "o", dailyLimit: 100, ledger: memoryLedger() })
    for (const id of [undefined, null, 5, "", {}, { id: 5 }, "\ud800", "x".repeat(600), trap]) {
      for (const call of [wallet.settle, wallet.release, wallet.cancel]) {
        await assert.rejects(call.call(wallet, id as never), (error) => requireError(error, "decision_not_found", /./))
      }
      await assert.rejects(wallet.decision(id as never), (error) => requireError(error, "decision_not_found", /./))
    }
    const spend = await wallet.pay({ amount: 1, to: "x" })
    for (const amount of [-1, "x", Number.NaN, null]) {
      await assert.rejects(wallet.settle(spend, amount as never), (error) => requireError(error, "invalid_amount", /amount/))
    }
    await assert.rejects(wallet.settle(spend, { amount: 1, currency: "EUR" }), { code: "invalid_currency" })
  })

  test("is refused for agents and trails", async () => {
    const wallet = await Wallet.create({ owner: "o", dailyLimit: 100, ledger: memoryLedger() })
    assert.throws(() => wallet.forAgent(""), { code: "invalid_option" })
    assert.throws(() => wallet.forAgent(5 as never), { code: "invalid_option" })
    assert.throws(() => wallet.forAgent("a", { timeZone: "UTC" } as never), { code: "invalid_option" })
    assert.throws(() => wallet.forAgent("a", { dailyLimit: -1 }), { code: "invalid_amount" })
    for (const since of ["yesterday", 5, new Date(Number.NaN)]) {
      await assert.rejects(async () => {
        for await (const _ of wallet.trail({ since: since as never })) assert.fail()
      }, { code: "invalid_option" })
    }
  })
})
