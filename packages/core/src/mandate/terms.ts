import type { Amount } from "../money/money.ts"
import type { Duration } from "../time/duration.ts"
import type { Period } from "../time/window.ts"

/** What a limit groups by: each counterparty, agent, tool, run or value of a tag has a budget of its own. */
export type Dimension = "counterparty" | "agent" | "tool" | "run" | `tag:${string}`

/** The part of all spends that a limit counts; all given fields must match. */
export interface Where {
  readonly to?: string
  readonly tool?: string
  readonly agent?: string
  readonly tags?: Readonly<Record<string, string>>
}

/** One budget: an amount of money or a count of spends, both inclusive. */
export type Limit = ({ readonly amount: Amount } | { readonly count: number }) & {
  /** The calendar window in the mandate's time zone; left out: for ever. */
  readonly per?: Period
  readonly by?: Dimension
  readonly where?: Where
  /** What happens to a spend over it: `reject` (a hard limit, the default) or `queue` (a soft one). */
  readonly over?: "reject" | "queue"
  /** What reasons call it; up to 64 characters. */
  readonly name?: string
}

/** A condition in CEL (the Common Expression Language) over `intent` and `facts`; it can only tighten. */
export interface Rule {
  readonly name: string
  /** True where the rule applies; see `ruleVariables` for what it can read. */
  readonly when: string
  readonly then: "queue" | "reject"
}

/** The terms an agent of a wallet can have of its own, on top of the wallet's. `null` removes a term. */
export interface AgentTerms {
  /** USD (or the wallet's currency) a calendar day. */
  readonly dailyLimit?: Amount | null
  /** Amounts above it wait for a reviewer; equal to it is approved. */
  readonly requireApprovalAbove?: Amount | null
  readonly maxTransaction?: Amount | null
  readonly counterparties?: {
    readonly allow?: readonly string[] | null
    readonly deny?: readonly string[] | null
  } | null
  /** Another name of `counterparties.allow`. */
  readonly whitelist?: readonly string[] | null
  /** Another name of `counterparties.allow`. */
  readonly allowedCounterparties?: readonly string[] | null
  /** Up to 64. */
  readonly limits?: readonly Limit[] | null
  /** Up to 64. */
  readonly rules?: readonly Rule[] | null
  /** ISO 8601 with a zone, or a Date; from then on everything is rejected. */
  readonly expiresAt?: string | Date | null
}

/** The rules of a wallet. `null` removes a term, a term left out stays as it is. */
export interface MandateTerms extends AgentTerms {
  /** How long a queued decision waits and an approval stays good: 1s to 366d, 24h by default. */
  readonly approvalTtl?: Duration | null
  /** How many decisions may be queued at a time: 0 to 100000, 100 by default. */
  readonly maxPending?: number | null
  /** IANA name; UTC by default. */
  readonly timeZone?: string | null
}

/** One limit as it is stored: amounts as decimal strings. */
export interface LimitBody {
  readonly amount?: string
  readonly count?: number
  readonly per?: Period
  readonly by?: Dimension
  readonly where?: Where
  readonly over: "reject" | "queue"
  readonly name?: string
}

/** A mandate as it is stored, hashed and recorded in the trail: only the terms that were set. */
export interface MandateBody {
  readonly currency: string
  readonly timeZone?: string
  /** Milliseconds. */
  readonly approvalTtl?: number
  readonly maxPending?: number
  readonly dailyLimit?: string
  readonly requireApprovalAbove?: string
  readonly maxTransaction?: string
  readonly allow?: readonly string[]
  readonly deny?: readonly string[]
  readonly limits?: readonly LimitBody[]
  readonly rules?: readonly Rule[]
  readonly expiresAt?: string
}

/** Terms after parsing: a value to set, null to remove, absent to keep. */
export type TermsPatch = { readonly [K in keyof MandateBody]?: MandateBody[K] | null }
