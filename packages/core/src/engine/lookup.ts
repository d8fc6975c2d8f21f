import { NornrError } from "../error/nornr-error.ts"
import type { Facts } from "../ledger/ledger.ts"
import { nextState, type SpendAction, type SpendState } from "../spend/machine.ts"
import type { Spend } from "../spend/spend.ts"

/** @throws {NornrError} `decision_not_found` */
export function requireSpend(facts: Facts, id: string): Spend {
  const spend = facts.spend(id)
  if (spend !== undefined) return spend
  const remedy = "Check the id, the owner and the ledger."
  throw new NornrError("decision_not_found", `This wallet has no decision ${JSON.stringify(id)}.`, { remedy })
}

/** @throws {NornrError} `state_conflict` */
export function requireMove({ id, state }: Spend, action: SpendAction): SpendState {
  const next = nextState(state, action)
  if (next !== undefined) return next
  const problem = `Decision ${id} is ${state}: it is too late, or too early, to ${action} it.`
  throw new NornrError("state_conflict", problem, {
    remedy: "Read it with wallet.decision(id) and act on its state.",
  })
}
