/**
 * The life of a spend as one table. A decision's status and its execution are both read off the state.
 * What is not in the table cannot happen.
 */
export type SpendState =
  | "queued"
  | "approved"
  | "running"
  | "settled"
  | "failed"
  | "unknown"
  | "released"
  | "rejected"

export type SpendAction =
  /** A reviewer approves or rejects a queued decision. */
  | "approve"
  | "reject"
  /** Nobody reviewed, or nobody claimed after a review, in time. */
  | "expire"
  /** Nobody claimed an automatic approval in time. */
  | "lapse"
  /** The caller will not resume it. */
  | "cancel"
  /** The tool is about to run; `refuse` where what changed since the approval forbids it. */
  | "claim"
  | "refuse"
  /** Nothing ran yet and the claim is given back. */
  | "return"
  /** It cost this much; it cost nothing; it threw; nobody can say. */
  | "settle"
  | "release"
  | "fail"
  | "lose"
  /** The desk corrects what it cost. */
  | "adjust"

type Moves = Readonly<Partial<Record<SpendAction, SpendState>>>

export const spendMoves: Readonly<Record<SpendState, Moves>> = {
  queued: { approve: "approved", reject: "rejected", expire: "rejected", cancel: "rejected" },
  approved: {
    claim: "running",
    refuse: "rejected",
    settle: "settled",
    release: "released",
    cancel: "rejected",
    expire: "rejected",
    lapse: "released",
  },
  running: {
    return: "approved",
    settle: "settled",
    release: "released",
    fail: "failed",
    lose: "unknown",
  },
  failed: { settle: "settled", release: "released", claim: "running" },
  unknown: {
    return: "approved",
    settle: "settled",
    release: "released",
    fail: "failed",
    claim: "running",
  },
  settled: { adjust: "settled" },
  released: { adjust: "settled" },
  rejected: {},
}

/** The state after an action, or undefined where the action is not possible. */
export function nextState(state: SpendState, action: SpendAction): SpendState | undefined {
  return spendMoves[state][action]
}

/** Whether a spend in this state keeps its amount from the limits. */
export function holds(state: SpendState): boolean {
  return state !== "settled" && state !== "released" && state !== "rejected"
}

export function isFinal(state: SpendState): boolean {
  return !holds(state)
}
