import { Environment } from "@marcbachmann/cel-js"
import { NornrError } from "../error/nornr-error.ts"
import { MAX_MICROS, MICROS, parseMicros } from "../money/money.ts"
import type { Rule } from "./terms.ts"

/** What a rule can read, by CEL type. Amounts compare exactly with numbers and with each other. */
export const ruleVariables = {
  "intent.amount": "Amount (compare with < <= > >= == !=)",
  "intent.to": "string",
  "intent.purpose": "string",
  "intent.tool": 'string ("" where the intent names none)',
  "intent.agent": 'string ("" where the intent names none)',
  "intent.thread": 'string ("" where the intent names none)',
  "intent.tags": "map<string, string>",
  "facts.counterparty.seen": "bool (a spend to it was settled before)",
  "facts.pending": "int (decisions that wait for a reviewer)",
  "facts.at": "google.protobuf.Timestamp",
  "facts.hour": "int (0 to 23, in the mandate's time zone)",
  "facts.weekday": "int (1 is Monday, in the mandate's time zone)",
} as const

export interface RuleInput {
  readonly micros: bigint
  readonly to: string
  readonly purpose: string
  readonly tool: string
  readonly agent: string
  readonly thread: string
  readonly tags: Readonly<Record<string, string>>
  readonly seen: boolean
  readonly pending: number
  readonly at: number
  readonly hour: number
  readonly weekday: number
}

export interface CompiledRule {
  readonly name: string
  readonly effect: "queue" | "reject"
  /** Throws whatever CEL throws; the policy turns that into `rule_failed`. */
  applies(input: RuleInput): boolean
}

class AmountValue {
  readonly micros: bigint
  constructor(micros: bigint) {
    this.micros = micros
  }
}

class CounterpartyFacts {
  readonly seen: boolean
  constructor(seen: boolean) {
    this.seen = seen
  }
}

class RuleIntent {
  readonly amount: AmountValue
  readonly to: string
  readonly purpose: string
  readonly tool: string
  readonly agent: string
  readonly thread: string
  readonly tags: Map<string, string>
  constructor(input: RuleInput) {
    this.amount = new AmountValue(input.micros)
    this.to = input.to
    this.purpose = input.purpose
    this.tool = input.tool
    this.agent = input.agent
    this.thread = input.thread
    this.tags = new Map(Object.entries(input.tags))
  }
}

class RuleFacts {
  readonly counterparty: CounterpartyFacts
  readonly pending: bigint
  readonly at: Date
  readonly hour: bigint
  readonly weekday: bigint
  constructor(input: RuleInput) {
    this.counterparty = new CounterpartyFacts(input.seen)
    this.pending = BigInt(input.pending)
    this.at = new Date(input.at)
    this.hour = BigInt(input.hour)
    this.weekday = BigInt(input.weekday)
  }
}

/**
 * Parses and type-checks a rule.
 * @throws {NornrError} `invalid_rule`, with the position of the fault
 */
export function compileRule({ name, when, then }: Rule, field: string): CompiledRule {
  refuseUnbounded(when, field)
  try {
    const evaluate = environment().parse(when)
    const { valid, type, error } = evaluate.check()
    if (!valid) throw error
    if (String(type) !== "bool") throw new TypeError(`it gives ${String(type)}, not a bool`)
    return {
      name,
      effect: then,
      applies(input) {
        const answer: unknown = evaluate({ intent: new RuleIntent(input), facts: new RuleFacts(input) })
        if (typeof answer === "boolean") return answer
        throw new TypeError("the rule gave no bool")
      },
    }
  } catch (cause) {
    throw invalidRule(field, when, cause)
  }
}

/** A rule runs inside every commit: regular expressions backtrack here, and nested loops multiply. */
function refuseUnbounded(when: string, field: string): void {
  const regular = when.search(/\bmatches\s*\(/)
  if (regular >= 0) {
    const remedy = "Use startsWith, endsWith or contains: regular expressions can take unbounded time."
    throw new NornrError("invalid_rule", `${field} uses matches() at character ${regular + 1}.`, { remedy })
  }
  const [, second] = when.matchAll(/\.\s*(?:all|exists|exists_one|map|filter)\s*\(/g)
  if (second === undefined) return
  const remedy = "Use one loop in a rule, and several rules for several loops."
  const problem = `${field} has a second loop (${second[0]}) at character ${second.index + 1}.`
  throw new NornrError("invalid_rule", problem, { remedy })
}

/** What CEL says went wrong, in one line. */
export function ruleFault(error: unknown): string {
  const { summary, message } = error as { readonly summary?: string; readonly message?: string }
  return (summary ?? message ?? String(error)).split("\n")[0] as string
}

function invalidRule(field: string, when: string, cause: unknown): NornrError {
  const { range } = cause as { readonly range?: { readonly start: number } }
  const where = range === undefined ? "" : ` at character ${range.start + 1}`
  const names = Object.keys(ruleVariables).join(", ")
  const problem = `${field} is not a valid rule${where}: ${ruleFault(cause)} (in ${JSON.stringify(when.slice(0, 200))}).`
  return new NornrError("invalid_rule", problem, { remedy: `Rules are CEL over: ${names}.`, cause })
}

let shared: Environment | undefined

function environment(): Environment {
  shared ??= makeEnvironment()
  return shared
}

function makeEnvironment(): Environment {
  const limits = { maxAstNodes: 500, maxDepth: 32, maxListElements: 100, maxMapEntries: 100 }
  const made = new Environment({ unlistedVariablesAreDyn: false, limits })
    .registerType("Amount", { ctor: AmountValue, fields: {} })
    .registerType("Counterparty", { ctor: CounterpartyFacts, fields: { seen: "bool" } })
    .registerType("Intent", {
      ctor: RuleIntent,
      fields: {
        amount: "Amount",
        to: "string",
        purpose: "string",
        tool: "string",
        agent: "string",
        thread: "string",
        tags: "map<string, string>",
      },
    })
    .registerType("Facts", {
      ctor: RuleFacts,
      fields: {
        counterparty: "Counterparty",
        pending: "int",
        at: "google.protobuf.Timestamp",
        hour: "int",
        weekday: "int",
      },
    })
    .registerVariable("intent", "Intent")
    .registerVariable("facts", "Facts")
  registerComparisons(made)
  return made
}

/** No amount is above it. */
const LARGEST = Number(MAX_MICROS) / 1e6

function registerComparisons(target: Environment): void {
  const fromInt = (value: bigint) => value * MICROS
  const fromDouble = (value: number): bigint =>
    value < 0
      ? -fromDouble(-value)
      : value >= LARGEST
        ? MAX_MICROS + 1n
        : parseMicros(value, "a number in a rule")
  const compare = {
    "<": (left: bigint, right: bigint) => left < right,
    "<=": (left: bigint, right: bigint) => left <= right,
    ">": (left: bigint, right: bigint) => left > right,
    ">=": (left: bigint, right: bigint) => left >= right,
  }
  for (const [sign, holds] of Object.entries(compare)) {
    target
      .registerOperator(`Amount ${sign} Amount`, (a: AmountValue, b: AmountValue) =>
        holds(a.micros, b.micros),
      )
      .registerOperator(`Amount ${sign} double`, (a: AmountValue, b: number) =>
        holds(a.micros, fromDouble(b)),
      )
      .registerOperator(`double ${sign} Amount`, (a: number, b: AmountValue) =>
        holds(fromDouble(a), b.micros),
      )
      .registerOperator(`Amount ${sign} int`, (a: AmountValue, b: bigint) => holds(a.micros, fromInt(b)))
      .registerOperator(`int ${sign} Amount`, (a: bigint, b: AmountValue) => holds(fromInt(a), b.micros))
  }
  target
    .registerOperator("Amount == Amount", (a: AmountValue, b: AmountValue) => a.micros === b.micros)
    .registerOperator("Amount == double", (a: AmountValue, b: number) => a.micros === fromDouble(b))
    .registerOperator("Amount == int", (a: AmountValue, b: bigint) => a.micros === fromInt(b))
}
