import type { ErrorCode } from "../error/codes.ts"
import { defined } from "../input/defined.ts"
import { asName, checkText, type Fields, fieldsOf } from "../input/fields.ts"
import { type Amount, parseAmount } from "../money/money.ts"
import { canonicalJson } from "../trail/canonical.ts"
import { parseCounterparty } from "./counterparty.ts"

/** Where in an agent's run a spend was asked for. Each text has at most 256 characters. */
export interface RunRef {
  readonly thread?: string | undefined
  readonly agent?: string | undefined
  readonly tool?: string | undefined
  readonly call?: string | undefined
  readonly node?: string | undefined
  readonly namespace?: string | undefined
}

/** What an agent wants to spend. */
export interface Intent {
  readonly amount: Amount
  /** The counterparty: who is paid. */
  readonly to: string
  /** Free text for people, up to 1000 characters; the tool's name by default. Never in clear in the trail. */
  readonly purpose?: string | undefined
  /** Up to 32 labels that limits can group by: names up to 64 characters, values up to 256. */
  readonly tags?: Readonly<Record<string, string>> | undefined
  readonly tool?: string | undefined
  /** The tool's arguments, as JSON of up to 1 MiB. Never in clear in the trail. */
  readonly args?: unknown
  readonly run?: RunRef | undefined
  /** Makes a repeat give the same decision; up to 512 characters, unique in the wallet. */
  readonly idempotencyKey?: string | undefined
  /** Aborts the ask: what is not committed yet never is, what was is withdrawn. */
  readonly signal?: AbortSignal | undefined
}

/** An intent after its one parsing: exact, normalised, safe to store. */
export interface ParsedIntent {
  readonly micros: bigint
  readonly currency: string
  readonly to: string
  readonly purpose: string
  readonly tags: Readonly<Record<string, string>>
  readonly run: RunRef
  /** RFC 8785 text of the arguments. */
  readonly args?: string
  readonly key?: string
  readonly signal?: AbortSignal
}

const intentNames = ["amount", "to", "purpose", "tags", "tool", "args", "run", "idempotencyKey", "signal"]
const runNames = ["thread", "agent", "tool", "call", "node", "namespace"] as const
const maxArgs = 1_048_576

/** @throws {NornrError} `invalid_intent`, `invalid_amount`, `invalid_currency` */
export function parseIntent(input: unknown, currency: string, agent: string | undefined): ParsedIntent {
  const fields = fieldsOf(input, { path: "", code: "invalid_intent", allowed: intentNames })
  const money = parseAmount(fields.get("amount"), "amount", currency)
  const to = parseCounterparty(fields.get("to"), "to", "invalid_intent")
  const run = parseRun(fields, agent)
  return defined({
    ...money,
    to,
    purpose: parsePurpose(fields) ?? run.tool ?? `payment to ${to}`,
    tags: parseTags(fields.get("tags"), "tags", "invalid_intent"),
    run,
    args: parseArgs(fields),
    key: fields.text("idempotencyKey", 512),
    signal: fields.signal("signal"),
  })
}

/** @throws {NornrError} with the given code */
export function parseTags(input: unknown, path: string, code: ErrorCode): Readonly<Record<string, string>> {
  if (input === undefined) return {}
  const names = typeof input === "object" && input !== null ? Object.keys(input).sort() : []
  const fields = fieldsOf(input, { path, code, allowed: names })
  if (names.length > 32) fields.refuse(`${names[32]}`, names.length, "Use at most 32 tags.")
  return Object.fromEntries(
    names.map((name) => {
      if (name.length > 64 || !/^[\w.:-]+$/.test(name)) {
        fields.refuse(name.slice(0, 64), name, "Name tags with 1 to 64 letters, digits or any of _ . : -")
      }
      const value = fields.text(name, 256)
      return [name, value ?? fields.refuse(name, value, "Give the tag a text or leave it out.")]
    }),
  )
}

function parseRun(fields: Fields, walletAgent: string | undefined): RunRef {
  const input = fields.get("run") ?? {}
  const run = fieldsOf(input, { path: "run", code: "invalid_intent", allowed: runNames })
  const agent = asName(run.text("agent", 256))
  if (agent !== undefined && walletAgent !== undefined && agent !== walletAgent) {
    run.refuse("agent", agent, `This wallet is the one of agent "${walletAgent}": leave run.agent out.`)
  }
  return defined({
    thread: run.text("thread", 256),
    agent: walletAgent ?? agent,
    tool: asName(fields.text("tool", 256) ?? run.text("tool", 256)),
    call: run.text("call", 256),
    node: run.text("node", 256),
    namespace: run.text("namespace", 256),
  })
}

function parsePurpose(fields: Fields): string | undefined {
  const value = fields.get("purpose")
  if (value === undefined) return undefined
  const text = typeof value === "string" ? value.replace(/\s+/g, " ").trim() : value
  return checkText(text, 1000, (remedy) => fields.refuse("purpose", value, remedy))
}

function parseArgs(fields: Fields): string | undefined {
  const value = fields.get("args")
  if (value === undefined) return undefined
  const text = canonicalJson(value, "args")
  if (text.length <= maxArgs) return text
  return fields.refuse(
    "args",
    `${text.length} characters`,
    "Pass at most 1 MiB; name large inputs by digest.",
  )
}
