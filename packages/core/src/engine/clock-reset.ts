import { NornrError } from "../error/nornr-error.ts"
import { defined } from "../input/defined.ts"
import type { Step } from "../ledger/ledger.ts"
import type { Spend } from "../spend/spend.ts"
import { isoTime } from "../time/clock.ts"
import { resettingChangeOf, type Told } from "./change.ts"
import { leaseTime } from "./claim.ts"
import { requireOther } from "./reviewer.ts"
import { standingOf } from "./standing.ts"

/**
 * A reviewer sets the time of a wallet back to the clock, after a machine wrote to it from the future. What was
 * to expire by the wrong clock expires as if it had been asked now; windows stay those of the ask.
 */
export function resetClockStep(told: Told): Step<void> {
  return {
    alone: true,
    reads: () => ({ dueBy: Number.MAX_SAFE_INTEGER }),
    work(facts) {
      const { wallet, mandates } = standingOf(facts.head, undefined)
      requireOther(told.actor, facts.head, undefined)
      if (wallet.lastAt <= facts.now) throw notAhead(wallet.lastAt)
      const change = resettingChangeOf(facts)
      const due = change.at + mandates.wallet.approvalTtl
      change.note("clock.reset", { from: isoTime(wallet.lastAt), due: isoTime(due) }, told)
      for (const { id } of facts.due) {
        const spend = facts.spend(id)
        if (spend?.due === undefined) continue
        const cap = spend.state === "running" ? change.at + leaseTime : due
        const claimBy = spend.claimBy && Math.min(spend.claimBy, due)
        change.rewrite(defined({ ...spend, due: Math.min(spend.due, cap), claimBy }) as Spend)
      }
      return { writes: change.writes(), result: undefined }
    },
  }
}

function notAhead(lastAt: number): NornrError {
  const problem = `The wallet's last event is of ${isoTime(lastAt)}, which is not ahead of the clock.`
  return new NornrError("state_conflict", problem, { remedy: "There is nothing to reset." })
}
