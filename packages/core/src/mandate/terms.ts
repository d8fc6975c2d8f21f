import type { Amount } from "../money/money.ts"
import type { Duration } from "../time/duration.ts"
import type { Period } from "../time/window.ts"

/** What a limit groups by: each counterparty, agent, tool, run or value of a tag has a budget of its own. */
export type Dimension = "counterparty" | "agent" | "tool" | "run" | `tag:${string}`

/** The part of all spends that a limit counts; all given fields must match. */
export interface Where {
  readonly to?: string | undefined
  readonly tool?: string | undefined
  readonly agent?: string | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
}

/** One budget: an amount of money or a count of spends, both inclusive. */
export type Limit = (
  | { readonly amount: Amount; readonly count?: never }
  | { readonly count: number; readonly amount?: never }
) & {
  /** The calendar window in the mandate's time zone; left out: for ever. */
  readonly per?: Period | undefined
  readonly by?: Dimension | undefined
  readonly where?: Where
  /** What happens to a spend over it: `reject` (a hard limit, the default) or `queue` (a soft one). */
  readonly over?: "reject" | "queue" | undefined
  /** What reasons call it; up to 64 characters. */
  readonly name?: string | undefined
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
  readonly dailyLimit?: Amount | null | undefined
  /** Amounts above it wait for a reviewer; equal to it is approved. */
  readonly requireApprovalAbove?: Amount | null | undefined
  readonly maxTransaction?: Amount | null | undefined
  readonly counterparties?:
    | {
        readonly allow?: readonly string[] | null | undefined
        readonly deny?: readonly string[] | null | undefined
      }
    | null
    | undefined
  /** Another name of `counterparties.allow`. */
  readonly whitelist?: readonly string[] | null | undefined
  /** Another name of `counterparties.allow`. */
  readonly allowedCounterparties?: readonly string[] | null | undefined
  /** Up to 64. */
  readonly limits?: readonly Limit[] | null | undefined
  /** Up to 64. */
  readonly rules?: readonly Rule[] | null | undefined
  /** ISO 8601 with a zone, or a Date; from then on everything is rejected. */
  readonly expiresAt?: string | Date | null | undefined
}

/** A person who may review, known by a key that is nowhere near the agent. */
export interface Reviewer {
  readonly name: string
  /** Ed25519, as PEM, or base64 of its DER form or of its 32 bytes. */
  readonly publicKey: string
}

/** The rules of a wallet. `null` removes a term, a term left out stays as it is. */
export interface MandateTerms extends AgentTerms {
  /** How long a queued decision waits and an approval stays good: 1s to 366d, 24h by default. */
  readonly approvalTtl?: Duration | null | undefined
  /** How many decisions may be queued at a time: 0 to 100000, 100 by default. */
  readonly maxPending?: number | null | undefined
  /** IANA name; UTC by default. */
  readonly timeZone?: string | null | undefined
  /**
   * How long purposes, arguments, results and comments are kept after a spend has ended: 1s to 366d, 7d by
   * default. The trail verifies without them.
   */
  readonly retention?: Duration | null | undefined
  /**
   * Up to 32. Where there are any, the desk does nothing without the signature of one of them, an approval is
   * verified again at the claim, and only a reviewer can change them.
   */
  readonly reviewers?: readonly Reviewer[] | null | undefined
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
  /** Milliseconds. */
  readonly retention?: number
  readonly reviewers?: readonly Reviewer[]
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
