/** Every code a NornrError can carry, with what it means. Codes are stable; messages are not. */
export const errorCodes = {
  invalid_option: "An option of a call is missing, unknown or malformed.",
  invalid_amount: "An amount is not a finite, non-negative amount of money within range.",
  invalid_currency: "A currency code is malformed or unknown.",
  invalid_mandate: "The terms of a mandate are malformed or contradict each other.",
  invalid_rule: "A CEL rule of a mandate does not parse or does not type-check.",
  invalid_intent: "A field of an intent is missing, unknown or malformed.",
  no_limit: "A mandate would leave the wallet with no limit at all.",
  mandate_conflict: "The same mandate version was given with other terms.",
  wallet_not_found: "The ledger holds no wallet of that owner.",
  wallet_closed: "The wallet or desk object was closed.",
  decision_not_found: "The wallet has no decision of that id.",
  key_conflict: "The idempotency key was used before with another request.",
  state_conflict: "The decision is not in a state that allows the call.",
  desk_only: "Only the review desk may end this spend.",
  reviewer_refused: "The reviewer may not do this: it would be self-review, or the mandate asks for a key.",
  not_approved: "The decision does not let the call run; the error carries it as `decision`.",
  result_not_kept: "The tool ran and was settled, but its result was not kept for replays.",
  clock_behind: "The clock is more than five minutes behind the wallet's last event.",
  aborted: "The caller's signal was aborted: what an ask had made is withdrawn, a wait has ended.",
  ledger_timeout: "The ledger did not commit within the deadline.",
  ledger_unavailable: "The ledger cannot be reached, read or written.",
  ledger_full: "The disk of the ledger is full.",
  ledger_corrupt: "The ledger file is damaged or not a ledger.",
  ledger_closed: "The ledger was closed.",
  ledger_too_new: "The ledger was written by a newer version of this library.",
  ledger_not_durable: "No place for a durable ledger exists here; one must be named.",
  ledger_refused: "The ledger cannot be opened safely in this place or with this SQLite.",
  ledger_rolled_back:
    "The ledger is not what a checkpoint was signed for before: it was rolled back or rewritten.",
  target_failed: "A place outside, where checkpoints are kept, could not be read or told.",
  unsupported: "This version or this runtime cannot do that.",
} as const

/** What kind of error it is. Stable. */
export type ErrorCode = keyof typeof errorCodes
