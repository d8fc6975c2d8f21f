import type { Facts, Reads, Step } from "../ledger/ledger.ts"
import type { Spend } from "../spend/spend.ts"
import { changeOf } from "./change.ts"
import { leaseTime } from "./claim.ts"

/** What a watcher may take up next, or when there may be something: milliseconds UTC. */
export type PickedUp =
  | { readonly spend: Spend }
  | { readonly spend?: never; readonly retryAt: number | undefined }

/**
 * Leases the oldest reviewed decision that nobody has taken up to a watcher. While it is leased, no other
 * decision of its thread is given to anybody else. Not in the trail.
 */
export function pickUpStep(holder: string, agent: string | undefined): Step<PickedUp> {
  return {
    reads: (): Reads => ({ lists: ["reviewed"], dueBy: Number.MAX_SAFE_INTEGER }),
    work(facts) {
      const reviewed = facts.listed("reviewed")
      const leased = reviewed.filter((spend) => isLeased(spend, facts.at) && spend.pickup?.holder !== holder)
      const busy = new Set(leased.map(({ run }) => run.thread))
      const next = reviewed.find(
        (spend) =>
          (agent === undefined || spend.run.agent === agent) &&
          !leased.includes(spend) &&
          (spend.run.thread === undefined || !busy.has(spend.run.thread)),
      )
      if (next === undefined) return { result: { retryAt: nextChange(leased, facts) } }
      const change = changeOf(facts)
      const spend = { ...next, pickup: { holder, until: facts.at + leaseTime } }
      change.rewrite(spend)
      return { writes: change.writes(), result: { spend } }
    },
  }
}

/** Renews the lease of a watcher, ends it where the decision was taken care of, or gives it back. */
export function leaseStep(id: string, holder: string, what: "renew" | "done" | "give back"): Step<void> {
  return {
    reads: () => ({ ids: [id] }),
    work(facts) {
      const spend = facts.spend(id)
      if (spend?.pickup?.holder !== holder) return { result: undefined }
      const change = changeOf(facts)
      const { pickup: _pickup, ...without } = spend
      if (what === "renew") change.rewrite({ ...spend, pickup: { holder, until: facts.at + leaseTime } })
      else change.rewrite(what === "done" ? without : { ...spend, pickup: {} })
      return { writes: change.writes(), result: undefined }
    },
  }
}

/** What the start of this batch has expired is so no more. */
function isReviewable(spend: Spend | undefined): boolean {
  return spend?.state === "queued" || spend?.state === "approved"
}

function isLeased({ pickup }: Spend, at: number): boolean {
  return pickup?.until !== undefined && pickup.until > at
}

/** The first instant at which a lease ends or a queued decision expires. */
function nextChange(leased: readonly Spend[], facts: Facts): number | undefined {
  const times = [
    ...leased.map(({ pickup }) => pickup?.until),
    ...facts.due
      .map(({ id }) => facts.spend(id))
      .map((spend) => (isReviewable(spend) ? spend?.due : undefined)),
  ].filter((time) => time !== undefined && time > facts.at) as readonly number[]
  return times.length === 0 ? undefined : Math.min(...times)
}
