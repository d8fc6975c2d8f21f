import { NornrError } from "../error/nornr-error.ts"
import { defined } from "../input/defined.ts"
import { asName, checkText, type Fields, fieldsOf } from "../input/fields.ts"
import { show } from "../input/show.ts"
import type { Place } from "../ledger/open-ledger.ts"
import { agentTermNames, mandateTermNames, parseTerms } from "../mandate/parse-terms.ts"
import type { AgentTerms, MandateTerms, TermsPatch } from "../mandate/terms.ts"
import { parseCurrency } from "../money/money.ts"
import { type NotifyTarget, parseNotify } from "../notify/targets.ts"
import type { Clock } from "../time/clock.ts"

/** Where a wallet is and whose it is. */
export type ConnectOptions = Place & {
  /** Whose budget it is, and the wallet's id in its ledger: 1 to 128 characters. */
  readonly owner: string
  readonly clock?: Clock
  /** Programs and servers that are told of what `wallet.on` tells; each process that has the wallet open tells them. */
  readonly notify?: readonly NotifyTarget[]
}

/** A wallet with its mandate, as code states it; a reviewer may set another. */
export type CreateOptions = ConnectOptions &
  MandateTerms & {
    /** ISO 4217 code or token name; USD by default. Cannot change. */
    readonly currency?: string
    /** Lets rolling deploys agree: terms with a lower version than the last are ignored. 1 or more. */
    readonly version?: number
  }

/** The terms of one agent, with the version of the code that gives them. */
export interface AgentOptions extends AgentTerms {
  readonly version?: number
}

export interface ParsedOptions {
  readonly owner: string
  readonly place: Place
  readonly clock: Clock | undefined
  readonly notify: readonly NotifyTarget[]
}

export const placeNames: readonly string[] = ["owner", "ledger", "baseUrl", "clock"]
const connectNames: readonly string[] = [...placeNames, "notify"]

/** @throws {NornrError} `invalid_option` */
export function parseConnect(input: unknown): ParsedOptions {
  const fields = fieldsOf(input, { path: "", code: "invalid_option", allowed: connectNames })
  return { ...parsePlace(fields), owner: parseOwner(fields), notify: parseNotify(fields.get("notify")) }
}

/** @throws {NornrError} `invalid_option` and what parsing terms throws */
export function parseCreate(input: unknown): ParsedOptions & {
  readonly currency: string | undefined
  readonly terms: TermsPatch
  readonly version: number
} {
  const allowed = [...connectNames, "currency", "version", ...mandateTermNames]
  const fields = fieldsOf(input, { path: "", code: "invalid_option", allowed })
  const named = fields.get("currency") ?? namedCurrency(fields)
  const currency = named === undefined ? undefined : parseCurrency(named, "currency")
  const terms = parseTerms(input, allowed, currency ?? "USD")
  const notify = parseNotify(fields.get("notify"))
  const version = parseVersion(fields)
  return { ...parsePlace(fields), owner: parseOwner(fields), currency, terms, version, notify }
}

/** @throws {NornrError} `invalid_option` and what parsing terms throws */
export function parseAgent(
  name: unknown,
  input: unknown,
  currency: string,
): { readonly name: string; readonly terms: TermsPatch | undefined; readonly version: number } {
  const refuse = (remedy: string): never => {
    throw new NornrError("invalid_option", `The agent's name is ${show(name)}.`, { remedy })
  }
  const parsed = asName(checkText(name, 256, refuse))
  if (input === undefined) return { name: parsed, terms: undefined, version: 0 }
  const allowed = ["version", ...agentTermNames]
  const fields = fieldsOf(input, { path: "", code: "invalid_option", allowed })
  const terms = parseTerms(input, allowed, currency)
  const other = (terms.limits ?? []).findIndex(({ where }) => (where?.agent ?? parsed) !== parsed)
  if (other >= 0) {
    const problem = `limits[${other}].where.agent names another agent than ${JSON.stringify(parsed)}.`
    throw new NornrError("invalid_mandate", problem, {
      remedy: "An agent's own limits count that agent alone.",
    })
  }
  return { name: parsed, terms, version: parseVersion(fields) }
}

/** The currency that the first amount with one names. */
function namedCurrency(fields: Fields): unknown {
  const limits = fields.get("limits")
  const amounts = Array.isArray(limits)
    ? limits.map((limit: unknown) => (limit as { amount?: unknown } | null)?.amount)
    : []
  const terms = ["dailyLimit", "requireApprovalAbove", "maxTransaction"].map((name) => fields.get(name))
  const named = [...terms, ...amounts].find(
    (amount) => typeof amount === "object" && amount !== null && "currency" in amount,
  )
  return (named as { readonly currency?: unknown } | undefined)?.currency
}

function parseOwner(fields: Fields): string {
  return fields.text("owner", 128) ?? fields.refuse("owner", undefined, "Name whose budget it is.")
}

/** @throws {NornrError} `invalid_option` */
export function parsePlace(fields: Fields): Pick<ParsedOptions, "place" | "clock"> {
  const clock = fields.get("clock")
  if (clock !== undefined && typeof (clock as Partial<Clock> | null)?.now !== "function") {
    fields.refuse("clock", clock, "Pass an object with a now() that returns a Date.")
  }
  const place = defined({ ledger: fields.get("ledger"), baseUrl: fields.get("baseUrl") }) as Place
  return { place, clock: clock as Clock | undefined }
}

function parseVersion(fields: Fields): number {
  return fields.integer("version", 1, Number.MAX_SAFE_INTEGER) ?? 0
}
