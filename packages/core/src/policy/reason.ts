/** Every code a reason can carry, with what it means. Stable. */
export const reasonCodes = {
  frozen: "The wallet or the agent is frozen.",
  review_only: "Every spend of the wallet or the agent is reviewed for now.",
  mandate_expired: "The mandate is over.",
  agent_revoked: "The agent may not spend from this wallet any more.",
  currency_mismatch: "The intent is in another currency than the wallet.",
  counterparty_denied: "The counterparty is on the deny list.",
  counterparty_not_allowed: "There is an allow list and the counterparty is not on it.",
  max_transaction_exceeded: "The amount is above what one spend may cost.",
  daily_limit_exceeded: "The daily limit leaves less than the amount.",
  limit_exceeded: "Another limit leaves less than the amount; `limit` names it.",
  rule: "A rule of the mandate applies; the message names it.",
  rule_failed: "A rule of the mandate could not be evaluated; the message names it.",
  above_approval_threshold: "The amount is above what is approved without a person.",
  too_many_pending: "As many decisions as the mandate allows already wait for a reviewer.",
  review_rejected: "A reviewer rejected it.",
  approval_expired: "Nobody approved or used it in time.",
  canceled: "It was canceled before it ran.",
  approval_unsigned: "Its approval carries no valid signature of a reviewer of the mandate.",
  charge_unknown: "What it cost could not be read from its result: what was held is settled.",
} as const

/** What kind of reason it is. Stable. */
export type ReasonCode = keyof typeof reasonCodes

/** Why a decision is not a plain approval. Amounts are decimal strings, counts too; times ISO 8601 UTC. */
export interface Reason {
  readonly code: ReasonCode
  /** A sentence that a person and a model can act on. */
  readonly message: string
  /** The name of the limit, or the term of the mandate. */
  readonly limit?: string
  /** Used or held in the open window. */
  readonly used?: string
  readonly requested?: string
  /** The most that would pass now. */
  readonly remaining?: string
  readonly resetsAt?: string
}
