import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { type BadInput, requireError } from "../../test/require-error.ts"
import { memoryLedger } from "../ledger/memory.ts"
import { Wallet } from "./wallet.ts"

const place = { owner: "o", dailyLimit: 1 }
const limit = (entry: unknown) => ({ owner: "o", limits: [entry] })
const rule = (entry: unknown) => ({ ...place, rules: [entry] })

const options: readonly BadInput[] = [
  ["no options", undefined, "invalid_option", /The argument is undefined/],
  ["no owner", { dailyLimit: 1 }, "invalid_option", /owner is undefined\. Name whose budget/],
  ["an empty owner", { ...place, owner: "" }, "invalid_option", /owner is ""/],
  ["a huge owner", { ...place, owner: "o".repeat(129) }, "invalid_option", /at most 128/],
  [
    "a misspelt term",
    { ...place, dailylimit: 5 },
    "invalid_option",
    /dailylimit is not a known name.*dailyLimit/,
  ],
  [
    "a prototype name",
    JSON.parse('{"owner":"o","__proto__":1}'),
    "invalid_option",
    /__proto__ is not a known name/,
  ],
  ["no limit at all", { owner: "o" }, "no_limit", /Set dailyLimit, or an entry in limits/],
  ["a negative limit", { owner: "o", dailyLimit: -5 }, "invalid_amount", /dailyLimit is -5/],
  [
    "a limit in another currency",
    { owner: "o", currency: "USD", dailyLimit: { amount: 1, currency: "EUR" } },
    "invalid_currency",
    /dailyLimit is in EUR, the wallet in USD/,
  ],
  ["an unknown currency", { ...place, currency: "DOLLARS!" }, "invalid_currency", /currency is "DOLLARS!"/],
  [
    "a threshold that is text",
    { ...place, requireApprovalAbove: "lots" },
    "invalid_amount",
    /requireApprovalAbove is "lots"/,
  ],
  [
    "two names of one list",
    { ...place, whitelist: ["a"], counterparties: { allow: ["b"] } },
    "invalid_mandate",
    /counterparties\.allow and whitelist mean the same/,
  ],
  [
    "an allow list that is text",
    { ...place, whitelist: "openai" },
    "invalid_mandate",
    /whitelist is "openai"\. Use an array/,
  ],
  [
    "an empty name on a list",
    { ...place, counterparties: { deny: ["a", ""] } },
    "invalid_mandate",
    /counterparties\.deny\[1\] is ""/,
  ],
  [
    "an unknown kind of list",
    { ...place, counterparties: { block: [] } },
    "invalid_mandate",
    /counterparties\.block is not a known name/,
  ],
  ["limits that are no list", { ...place, limits: {} }, "invalid_mandate", /limits is \{\}/],
  [
    "too many limits",
    { ...place, limits: Array.from({ length: 65 }, () => ({ count: 1 })) },
    "invalid_mandate",
    /at most 64/,
  ],
  [
    "a limit of nothing",
    limit({ per: "day" }),
    "invalid_mandate",
    /limits\[0\] needs either an amount or a count/,
  ],
  ["a limit of both", limit({ amount: 1, count: 1 }), "invalid_mandate", /needs either/],
  [
    "an unknown period",
    limit({ amount: 1, per: "year" }),
    "invalid_mandate",
    /limits\[0\]\.per is "year"\. Use one of: hour/,
  ],
  ["an unknown group", limit({ amount: 1, by: "vendor" }), "invalid_mandate", /limits\[0\]\.by is "vendor"/],
  ["a group by no tag", limit({ amount: 1, by: "tag:" }), "invalid_mandate", /limits\[0\]\.by is "tag:"/],
  ["an empty filter", limit({ amount: 1, where: {} }), "invalid_mandate", /limits\[0\]\.where is empty/],
  [
    "an unknown filter",
    limit({ amount: 1, where: { vendor: "x" } }),
    "invalid_mandate",
    /limits\[0\]\.where\.vendor/,
  ],
  ["half a count", limit({ count: 1.5 }), "invalid_mandate", /limits\[0\]\.count is 1\.5/],
  [
    "an unknown consequence",
    limit({ amount: 1, over: "warn" }),
    "invalid_mandate",
    /limits\[0\]\.over is "warn"/,
  ],
  [
    "a rule without a name",
    rule({ when: "true", then: "queue" }),
    "invalid_mandate",
    /rules\[0\]\.name is undefined/,
  ],
  [
    "a rule that would approve",
    rule({ name: "r", when: "true", then: "approve" }),
    "invalid_mandate",
    /rules\[0\]\.then is "approve"/,
  ],
  [
    "a rule that does not parse",
    rule({ name: "r", when: "intent.amount >", then: "queue" }),
    "invalid_rule",
    /rules\[0\]\.when is not a valid rule at character 16/,
  ],
  [
    "a rule over an unknown field",
    rule({ name: "r", when: "intent.vendor == 'x'", then: "queue" }),
    "invalid_rule",
    /No such key: vendor/,
  ],
  [
    "two rules of one name",
    {
      ...place,
      rules: [
        { name: "r", when: "true", then: "queue" },
        { name: "r", when: "false", then: "queue" },
      ],
    },
    "invalid_mandate",
    /Two rules are called "r"/,
  ],
  [
    "a duration in words",
    { ...place, approvalTtl: "a day" },
    "invalid_mandate",
    /approvalTtl is "a day"\. Use milliseconds/,
  ],
  ["a duration of nothing", { ...place, approvalTtl: 0 }, "invalid_mandate", /approvalTtl is 0/],
  ["a pending count below zero", { ...place, maxPending: -1 }, "invalid_mandate", /maxPending is -1/],
  [
    "an end without a zone",
    { ...place, expiresAt: "2027-01-01" },
    "invalid_mandate",
    /expiresAt is "2027-01-01"\. Use a Date, or ISO 8601 with a zone/,
  ],
  ["an end on no day", { ...place, expiresAt: "2027-13-45T00:00:00Z" }, "invalid_mandate", /expiresAt is/],
  ["an invalid Date", { ...place, expiresAt: new Date(Number.NaN) }, "invalid_mandate", /an invalid Date/],
  [
    "an unknown time zone",
    { ...place, timeZone: "Mars/Olympus" },
    "invalid_mandate",
    /timeZone is "Mars\/Olympus"/,
  ],
  ["a version below one", { ...place, version: 0 }, "invalid_option", /version is 0/],
  ["a clock that is a number", { ...place, clock: 5 }, "invalid_option", /clock is 5/],
  [
    "a clock without a Date",
    { ...place, clock: { now: () => 5 } },
    "invalid_option",
    /clock\.now\(\) returned 5/,
  ],
  ["an empty ledger name", { ...place, ledger: " " }, "invalid_option", /ledger is " "/],
  ["SQLite's name of memory", { ...place, ledger: ":memory:" }, "invalid_option", /Use "memory:"/],
  ["a ledger that is a URL", { ...place, ledger: "https://x" }, "invalid_option", /Use a path, not a URL/],
  ["a ledger that is a number", { ...place, ledger: 5 }, "invalid_option", /ledger is 5/],
  [
    "a ledger and a control plane",
    { ...place, ledger: "memory:", baseUrl: "http://x" },
    "invalid_option",
    /ledger and baseUrl are both given/,
  ],
  [
    "a control plane",
    { ...place, ledger: undefined, baseUrl: "http://x" },
    "unsupported",
    /baseUrl names a control plane/,
  ],
  ["PostgreSQL", { ...place, ledger: "postgres://x" }, "unsupported", /names a PostgreSQL ledger/],
]

describe("bad options", () => {
  for (const [what, input, code, message] of options) {
    test(`are refused: ${what}`, async () => {
      const withPlace =
        typeof input === "object" && input !== null && !("ledger" in input)
          ? { ...input, ledger: memoryLedger() }
          : input
      await assert.rejects(Wallet.create(withPlace as never), (error) => requireError(error, code, message))
    })
  }
})
