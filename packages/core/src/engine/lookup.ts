import { NornrError } from "../error/nornr-error.ts"
import type { Facts, Step } from "../ledger/ledger.ts"
import { nextState, type SpendAction, type SpendState } from "../spend/machine.ts"
import type { Spend, SpendList } from "../spend/spend.ts"

/**
 * The spend of an id; to an agent, only its own is there.
 * @throws {NornrError} `decision_not_found`
 */
export function requireSpend(facts: Facts, id: string, agent?: string): Spend {
  const spend = facts.spend(id)
  if (spend !== undefined && (agent === undefined || spend.run.agent === agent)) return spend
  const remedy = "Check the id, the owner and the ledger."
  throw new NornrError("decision_not_found", `This wallet has no decision ${JSON.stringify(id)}.`, { remedy })
}

/** @throws {NornrError} `state_conflict` */
export function requireMove(spend: Spend, action: SpendAction): SpendState {
  const next = nextState(spend.state, action)
  if (next !== undefined) return next
  const problem = `Decision ${spend.id} ${standing[spend.state]}, so that it cannot be ${participle[action]}.`
  throw new NornrError("state_conflict", problem, {
    remedy: "Read it with wallet.decision(id) and act on its state.",
  })
}

const standing: Readonly<Record<SpendState, string>> = {
  queued: "waits for a reviewer",
  approved: "is approved and not run yet",
  running: "is running",
  settled: "is settled already",
  failed: "failed and is held for the review desk",
  unknown: "has an unknown outcome and is held for the review desk",
  released: "was released",
  rejected: "was rejected",
}

const participle: Readonly<Record<SpendAction, string>> = {
  approve: "approved",
  reject: "rejected",
  expire: "expired",
  lapse: "released",
  cancel: "canceled",
  claim: "run",
  refuse: "refused",
  return: "given back",
  settle: "settled",
  release: "released",
  fail: "failed",
  lose: "lost",
  adjust: "adjusted",
}

/** The spends on a list, as they are when it is read or committed. */
export function listStep(list: SpendList): Step<readonly Spend[]> {
  return { reads: () => ({ lists: [list] }), work: (facts) => ({ result: facts.listed(list) }) }
}
