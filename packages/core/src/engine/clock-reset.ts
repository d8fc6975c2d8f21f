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
    reads: () => ({ history: true }),
    work(facts) {
      const { wallet, mandates } = standingOf(facts.head, undefined)
      requireOther(told.actor, facts.head, undefined)
      if (wallet.lastAt <= facts.now) throw notAhead(wallet.lastAt)
      const change = resettingChangeOf(facts)
      const { approvalTtl, retention } = mandates.wallet
      const latest = {
        due: change.at + approvalTtl,
        lease: change.at + leaseTime,
        forget: change.at + retention,
      }
      change.note("clock.reset", { from: isoTime(wallet.lastAt), due: isoTime(latest.due) }, told)
      change.capRemarks(latest.forget)
      for (const spend of facts.history()) {
        const capped = cap(spend, latest)
        if (capped !== spend) change.rewrite(capped)
      }
      return { writes: change.writes(), result: undefined }
    },
  }
}

/** The instants at which anything of a wallet may be due, milliseconds UTC. */
interface Latest {
  readonly due: number
  readonly lease: number
  readonly forget: number
}

function cap(spend: Spend, latest: Latest): Spend {
  const due = earlier(spend.due, spend.state === "running" ? latest.lease : latest.due)
  const claimBy = earlier(spend.claimBy, latest.due)
  const forgetAt = earlier(spend.forgetAt, latest.forget)
  const until = earlier(spend.pickup?.until, latest.lease)
  const pickup = spend.pickup && defined({ ...spend.pickup, until })
  const times = [due, claimBy, forgetAt, until]
  const before = [spend.due, spend.claimBy, spend.forgetAt, spend.pickup?.until]
  const isSame = times.every((time, index) => time === before[index])
  return isSame ? spend : (defined({ ...spend, due, claimBy, forgetAt, pickup }) as Spend)
}

function earlier(time: number | undefined, latest: number): number | undefined {
  return time === undefined ? undefined : Math.min(time, latest)
}

function notAhead(lastAt: number): NornrError {
  const problem = `The wallet's last event is of ${isoTime(lastAt)}, which is not ahead of the clock.`
  return new NornrError("state_conflict", problem, { remedy: "There is nothing to reset." })
}
