import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { NornrError } from "../error/nornr-error.ts"
import { compileRule, type RuleInput, ruleVariables } from "./rule.ts"

const input: RuleInput = {
  micros: 6_000_000n,
  to: "openai",
  purpose: "report",
  tool: "search",
  agent: "researcher",
  thread: "t1",
  tags: { team: "growth" },
  seen: false,
  pending: 2,
  at: Date.parse("2026-11-22T20:00:00Z"),
  hour: 20,
  weekday: 7,
}

const applies = (when: string, change: Partial<RuleInput> = {}) =>
  compileRule({ name: "r", when, then: "queue" }, "rules[0].when").applies({ ...input, ...change })

describe("a rule", () => {
  test("reads what is published, by its type", () => {
    for (const when of [
      "!facts.counterparty.seen && intent.amount > 5.0",
      'intent.to == "openai" && intent.tool.startsWith("sea")',
      'intent.tags["team"] == "growth" && "team" in intent.tags',
      'facts.at.getHours("Europe/Berlin") == 21 && facts.pending >= 2 && facts.hour == 20 && facts.weekday > 5',
      'facts.at > timestamp("2026-01-01T00:00:00Z")',
      'intent.agent in ["researcher", "buyer"] && intent.thread != "" && intent.purpose.contains("port")',
    ]) {
      assert.equal(applies(when), true, when)
    }
    for (const name of Object.keys(ruleVariables)) {
      assert.doesNotThrow(
        () => compileRule({ name, when: `${name} == ${name} || true`, then: "queue" }, name),
        name,
      )
    }
  })

  test("compares amounts exactly, never as doubles", () => {
    assert.equal(applies("intent.amount > 0.3", { micros: 300_000n }), false)
    assert.equal(applies("intent.amount > 0.3", { micros: 300_001n }), true)
    assert.equal(applies("intent.amount == 6 && intent.amount == 6.0 && 6.0 == intent.amount"), true)
    assert.equal(applies("9007199254.740990 < intent.amount", { micros: 9_007_199_254_740_991n }), true)
    assert.equal(applies("intent.amount > -1.5 && intent.amount < 1e300 && -1 < intent.amount"), true)
    assert.equal(applies("intent.amount <= intent.amount && 5 < intent.amount"), true)
  })

  test("is refused when it is made, with the position of its fault", () => {
    const faults: readonly [string, RegExp][] = [
      ["intent.amount >", /at character 16/],
      ["intent.amont > 5.0", /at character 8: No such key: amont/],
      ["foo > 3", /at character 1: Unknown variable: foo/],
      ["intent.to", /gives string, not a bool/],
      ["intent.amount + 1.0 > 3.0", /no such overload/],
      ['intent.to.matches("(a+)+$")', /matches\(\) at character 11/],
      ["[1].all(x, [1].all(y, x == y))", /second loop \(\.all\(\) at character 15/],
      ["intent.__proto__ == intent.__proto__", /No such key/],
      [`${"(".repeat(100)}true${")".repeat(100)}`, /not a valid rule/],
      [Array.from({ length: 600 }, () => "true").join(" && "), /not a valid rule/],
    ]
    for (const [when, message] of faults) {
      assert.throws(
        () => applies(when),
        (error) =>
          NornrError.isInstance(error) && error.code === "invalid_rule" && message.test(error.message),
        when,
      )
    }
  })

  test("throws where it cannot be evaluated, for the policy to reject", () => {
    assert.throws(() => applies('intent.tags["missing"] == "x"'))
  })
})
