import { NornrError } from "../error/nornr-error.ts"
import { defined } from "../input/defined.ts"
import { asName, type Fields, fieldsOf } from "../input/fields.ts"
import { show } from "../input/show.ts"
import { parseCounterparty } from "../intent/counterparty.ts"
import { parseTags } from "../intent/intent.ts"
import { formatMicros, parseAmount } from "../money/money.ts"
import { parseInstant } from "../time/clock.ts"
import { parseDuration } from "../time/duration.ts"
import { parseTimeZone } from "../time/time-zone.ts"
import { periods } from "../time/window.ts"
import { parsePublicKey } from "../trail/signature.ts"
import { compileRule } from "./rule.ts"
import type { Dimension, LimitBody, Reviewer, Rule, TermsPatch, Where } from "./terms.ts"

const code = "invalid_mandate"

export const agentTermNames: readonly string[] = [
  "dailyLimit",
  "requireApprovalAbove",
  "maxTransaction",
  "counterparties",
  "whitelist",
  "allowedCounterparties",
  "limits",
  "rules",
  "expiresAt",
]

export const mandateTermNames: readonly string[] = [
  ...agentTermNames,
  "approvalTtl",
  "maxPending",
  "timeZone",
  "retention",
  "reviewers",
]

/**
 * Parses the terms of a mandate, once, at the edge.
 * @throws {NornrError} `invalid_mandate`, `invalid_amount`, `invalid_currency`, `invalid_rule`
 */
export function parseTerms(input: unknown, names: readonly string[], currency: string): TermsPatch {
  const fields = fieldsOf(input, { path: "", code, allowed: names })
  const money = (name: string) => patch(fields, name, (value) => parseMoney(value, name, currency))
  return defined({
    dailyLimit: money("dailyLimit"),
    requireApprovalAbove: money("requireApprovalAbove"),
    maxTransaction: money("maxTransaction"),
    ...parseCounterparties(fields),
    limits: patch(fields, "limits", (value) => parseLimits(value, currency)),
    rules: patch(fields, "rules", parseRules),
    expiresAt: patch(fields, "expiresAt", (value) => parseExpiry(value, "expiresAt")),
    approvalTtl: patch(fields, "approvalTtl", (value) => parseDuration(value, "approvalTtl")),
    maxPending: patch(fields, "maxPending", () => fields.integer("maxPending", 0, 100_000) as number),
    retention: patch(fields, "retention", (value) => parseDuration(value, "retention")),
    reviewers: patch(fields, "reviewers", parseReviewers),
    timeZone: patch(fields, "timeZone", (value) => parseTimeZone(value, "timeZone")),
  })
}

function patch<T>(fields: Fields, name: string, parse: (value: unknown) => T): T | null | undefined {
  const value = fields.get(name)
  return value === undefined || value === null ? value : parse(value)
}

function parseMoney(value: unknown, field: string, currency: string): string {
  const money = parseAmount(value, field, currency)
  if (money.currency === currency) return formatMicros(money.micros)
  const problem = `${field} is in ${money.currency}, the wallet in ${currency}.`
  throw new NornrError("invalid_currency", problem, { remedy: "Use one currency for a wallet." })
}

function parseCounterparties(fields: Fields): Pick<TermsPatch, "allow" | "deny"> {
  const given = fields.get("counterparties")
  const lists = given === null ? { allow: null, deny: null } : (given ?? {})
  const both = fieldsOf(lists, { path: "counterparties", code, allowed: ["allow", "deny"] })
  const allows = [
    { name: "counterparties.allow", value: both.get("allow") },
    { name: "whitelist", value: fields.get("whitelist") },
    { name: "allowedCounterparties", value: fields.get("allowedCounterparties") },
  ].filter(({ value }) => value !== undefined)
  if (allows.length > 1) {
    const names = allows.map(({ name }) => name).join(" and ")
    throw new NornrError(code, `${names} mean the same.`, { remedy: "Give one of them." })
  }
  const [allow] = allows
  return defined({
    allow: allow === undefined ? undefined : parseNames(allow.value, allow.name),
    deny: both.get("deny") === undefined ? undefined : parseNames(both.get("deny"), "counterparties.deny"),
  })
}

function parseNames(value: unknown, field: string): readonly string[] | null {
  if (value === null) return null
  const names = parseList(value, field, 10_000).map((each, index) => {
    const name = parseCounterparty(each, `${field}[${index}]`, code)
    if (!name.includes("*")) return name
    const remedy =
      "Name each counterparty: a host and its subdomains are different ones, and * matches nothing."
    throw new NornrError(code, `${field}[${index}] is ${show(each)}.`, { remedy })
  })
  return [...new Set(names)].sort()
}

function parseLimits(value: unknown, currency: string): readonly LimitBody[] {
  return parseList(value, "limits", 64).map((each, index) => parseLimit(each, `limits[${index}]`, currency))
}

function parseLimit(input: unknown, path: string, currency: string): LimitBody {
  const allowed = ["amount", "count", "per", "by", "where", "over", "name"]
  const fields = fieldsOf(input, { path, code, allowed })
  const amount = fields.get("amount")
  if ((amount === undefined) === (fields.get("count") === undefined)) {
    throw new NornrError(code, `${path} needs either an amount or a count.`, { remedy: "Give one of them." })
  }
  const by = fields.text("by", 80)
  if (by !== undefined && !/^(counterparty|agent|tool|run|tag:[\w.:-]{1,64})$/.test(by)) {
    fields.refuse("by", by, "Use one of: counterparty, agent, tool, run, tag:<name>.")
  }
  const where = fields.get("where")
  return defined({
    amount: amount === undefined ? undefined : parseMoney(amount, `${path}.amount`, currency),
    count: fields.integer("count", 0, 1_000_000_000),
    per: fields.oneOf("per", periods),
    by: by as Dimension | undefined,
    where: where === undefined ? undefined : parseWhere(where, `${path}.where`),
    over: fields.oneOf("over", ["reject", "queue"]) ?? "reject",
    name: fields.text("name", 64),
  })
}

function parseWhere(input: unknown, path: string): Where {
  const fields = fieldsOf(input, { path, code, allowed: ["to", "tool", "agent", "tags"] })
  const to = fields.get("to")
  const where = defined({
    to: to === undefined ? undefined : parseCounterparty(to, `${path}.to`, code),
    tool: asName(fields.text("tool", 256)),
    agent: asName(fields.text("agent", 256)),
    tags: fields.get("tags") === undefined ? undefined : parseTags(fields.get("tags"), `${path}.tags`, code),
  })
  const { tags, ...rest } = where
  if (Object.keys({ ...rest, ...tags }).length > 0) return where
  throw new NornrError(code, `${path} is empty.`, { remedy: "Name what to match, or leave it out." })
}

function parseRules(value: unknown): readonly Rule[] {
  const rules = parseList(value, "rules", 64).map((each, index) => parseRule(each, `rules[${index}]`))
  const twice = rules.find(({ name }, index) => rules.findIndex((other) => other.name === name) !== index)
  if (twice === undefined) return rules
  throw new NornrError(code, `Two rules are called ${show(twice.name)}.`, {
    remedy: "Give each its own name.",
  })
}

function parseRule(input: unknown, path: string): Rule {
  const fields = fieldsOf(input, { path, code, allowed: ["name", "when", "then"] })
  const name = fields.text("name", 64) ?? fields.refuse("name", undefined, "Name the rule; reasons show it.")
  const when = fields.text("when", 2000) ?? fields.refuse("when", undefined, "Give a CEL condition.")
  const then =
    fields.oneOf("then", ["queue", "reject"]) ?? fields.refuse("then", undefined, 'Use "queue" or "reject".')
  const rule: Rule = { name, when, then }
  compileRule(rule, `${path}.when`)
  return rule
}

function parseReviewers(value: unknown): readonly Reviewer[] {
  const reviewers = parseList(value, "reviewers", 32).map((each, index) => {
    const fields = fieldsOf(each, { path: `reviewers[${index}]`, code, allowed: ["name", "publicKey"] })
    const name = asName(fields.text("name", 128))
    const publicKey = parsePublicKey(fields.get("publicKey"))
    return {
      name: name ?? fields.refuse("name", undefined, "Name the reviewer."),
      publicKey: publicKey ?? refuseKey(fields),
    }
  })
  const twice = reviewers.find(({ name }, at) => reviewers.findIndex((other) => other.name === name) !== at)
  if (twice === undefined) return reviewers
  throw new NornrError(code, `Two reviewers are called ${show(twice.name)}.`, {
    remedy: "Give each a name of their own.",
  })
}

/** A private key that was given by mistake is not repeated in a message. */
function refuseKey(fields: Fields): never {
  const given = fields.get("publicKey")
  const remedy = "Give an Ed25519 public key in PEM: `openssl pkey -in private.pem -pubout`."
  if (typeof given !== "string" || !given.includes("PRIVATE KEY")) {
    return fields.refuse("publicKey", given, remedy)
  }
  throw new NornrError(code, "A reviewer's publicKey is a private key.", { remedy })
}

function parseExpiry(value: unknown, field: string): string {
  const ms = parseInstant(value)
  if (ms !== undefined) return new Date(ms).toISOString()
  const remedy = 'Use a Date, or ISO 8601 with a zone such as "2027-01-01T00:00:00Z".'
  throw new NornrError(code, `${field} is ${show(value)}.`, { remedy })
}

function parseList(value: unknown, field: string, max: number): readonly unknown[] {
  if (Array.isArray(value) && value.length <= max) return Array.from(value)
  throw new NornrError(code, `${field} is ${show(value)}.`, {
    remedy: `Use an array of at most ${max} entries.`,
  })
}
