import { NornrError } from "../error/nornr-error.ts"
import { formatMicros, parseMicros } from "../money/money.ts"
import type { Period } from "../time/window.ts"
import { canonicalJson } from "../trail/canonical.ts"
import { sha256 } from "../trail/digest.ts"
import { type CompiledRule, compileRule } from "./rule.ts"
import type { Dimension, LimitBody, MandateBody, TermsPatch, Where } from "./terms.ts"

/** A limit ready to decide with. */
export interface CompiledLimit {
  /** Its identity: scope, unit, period and zone, grouping and filter; not its amount, name or `over`. */
  readonly id: string
  readonly name: string
  /** Whether the name says the amount, because nobody gave one. */
  readonly isDescribed: boolean
  readonly isDaily: boolean
  readonly unit: "amount" | "count"
  /** Millionths of the currency, or a count; inclusive. */
  readonly max: bigint
  readonly per: Period | undefined
  readonly by: Dimension | undefined
  readonly where: Where | undefined
  readonly over: "reject" | "queue"
  readonly timeZone: string
  /** The agent whose own limit it is. */
  readonly agent: string | undefined
}

/** A mandate ready to decide with. */
export interface Mandate {
  readonly body: MandateBody
  readonly limits: readonly CompiledLimit[]
  readonly rules: readonly CompiledRule[]
  readonly maxTransaction: bigint | undefined
  readonly threshold: bigint | undefined
  readonly allow: ReadonlySet<string> | undefined
  readonly deny: ReadonlySet<string>
  /** Milliseconds UTC. */
  readonly expiresAt: number | undefined
  /** Milliseconds. */
  readonly approvalTtl: number
  /** Milliseconds. */
  readonly retention: number
  /** Public keys by name. */
  readonly reviewers: ReadonlyMap<string, string>
  readonly maxPending: number
  readonly timeZone: string
}

/** The stored mandate after a patch: null removes a term, absent keeps it. */
export function amendBody(body: MandateBody | undefined, patch: TermsPatch, currency: string): MandateBody {
  const merged = { currency, ...body, ...patch }
  const kept = Object.entries(merged).filter(([, value]) => value !== null)
  return Object.fromEntries(kept) as unknown as MandateBody
}

/**
 * A wallet's mandate must bound what can be spent over time: a daily limit or an entry in `limits`.
 * @throws {NornrError} `no_limit`
 */
export function requireLimit(body: MandateBody): void {
  if (body.dailyLimit !== undefined || (body.limits ?? []).length > 0) return
  const remedy = "Set dailyLimit, or an entry in limits."
  throw new NornrError("no_limit", "The mandate has no limit at all.", { remedy })
}

/** A mandate as it is stored: its RFC 8785 text, and the SHA-256 of that. */
export function sealMandate(body: MandateBody): { readonly body: string; readonly hash: string } {
  const text = canonicalJson(body, "mandate")
  return { body: text, hash: sha256(text) }
}

/** By scope, then by the text itself: a hash that is only claimed must not bring another's terms. */
const compiled = new Map<string, Map<string, Mandate>>()

/**
 * Compiles the text of a stored mandate, of a wallet or of an agent in it; an agent's windows follow the
 * wallet's zone. The last are kept, since every commit needs one.
 */
export function compileMandate(body: string, agent?: AgentScope): Mandate {
  const scope = agent === undefined ? "" : `${agent.timeZone} ${agent.name}`
  const ofScope = compiled.get(scope) ?? new Map<string, Mandate>()
  const known = ofScope.get(body)
  if (known !== undefined) return known
  const made = compile(JSON.parse(body) as MandateBody, agent)
  if (compiled.size >= 1000) compiled.clear()
  if (ofScope.size >= 1000) ofScope.clear()
  compiled.set(scope, ofScope.set(body, made))
  return made
}

/** The agent whose own mandate is compiled, and the zone of its wallet. */
export interface AgentScope {
  readonly name: string
  readonly timeZone: string
}

function compile(body: MandateBody, agent: AgentScope | undefined): Mandate {
  const timeZone = agent?.timeZone ?? body.timeZone ?? "UTC"
  const scope = { currency: body.currency, timeZone, agent: agent?.name }
  const daily: readonly LimitBody[] =
    body.dailyLimit === undefined ? [] : [{ amount: body.dailyLimit, per: "day", over: "reject" }]
  return {
    body,
    timeZone,
    limits: [
      ...daily.map((limit) => compileLimit(limit, true, scope)),
      ...(body.limits ?? []).map((limit) => compileLimit(limit, false, scope)),
    ],
    rules: (body.rules ?? []).map((rule) => compileRule(rule, rule.name)),
    maxTransaction: optionalMicros(body.maxTransaction),
    threshold: optionalMicros(body.requireApprovalAbove),
    allow: body.allow === undefined ? undefined : new Set(body.allow),
    deny: new Set(body.deny ?? []),
    expiresAt: body.expiresAt === undefined ? undefined : Date.parse(body.expiresAt),
    approvalTtl: body.approvalTtl ?? 86_400_000,
    retention: body.retention ?? 7 * 86_400_000,
    reviewers: new Map((body.reviewers ?? []).map(({ name, publicKey }) => [name, publicKey])),
    maxPending: body.maxPending ?? 100,
  }
}

function optionalMicros(text: string | undefined): bigint | undefined {
  return text === undefined ? undefined : parseMicros(text, "mandate")
}

interface LimitScope {
  readonly currency: string
  readonly timeZone: string
  readonly agent: string | undefined
}

function compileLimit(limit: LimitBody, isDaily: boolean, scope: LimitScope): CompiledLimit {
  const { currency, timeZone, agent } = scope
  const { amount, count, per, by, where, over, name } = limit
  const unit = amount === undefined ? "count" : "amount"
  const window = per === undefined ? [] : [per, timeZone]
  const identity = [agent ?? null, unit, ...window, by ?? null, where ?? null]
  return {
    id: canonicalJson(identity, "limit"),
    name: name ?? (isDaily ? "dailyLimit" : describeLimit(limit, currency)),
    isDescribed: name === undefined && !isDaily,
    isDaily,
    unit,
    max: amount === undefined ? BigInt(count ?? 0) : parseMicros(amount, "limit"),
    per,
    by,
    where,
    over,
    timeZone,
    agent,
  }
}

/** A limit in words, such as `20.00 USD per day by counterparty where to openai`. */
function describeLimit({ amount, count, per, by, where }: LimitBody, currency: string): string {
  const what =
    amount === undefined ? `${count} spends` : `${formatMicros(parseMicros(amount, "limit"))} ${currency}`
  const { tags, ...rest } = where ?? {}
  const filters = [
    ...Object.entries(rest),
    ...Object.entries(tags ?? {}).map(([tag, value]) => [`tag ${tag}`, value]),
  ]
  const filter = filters.map((entry) => entry.join(" ")).join(", ")
  return [what, per && `per ${per}`, by && `by ${by}`, filter && `where ${filter}`].filter(Boolean).join(" ")
}
