import { amendStep } from "../src/engine/amend.ts"
import { createEngine } from "../src/engine/engine.ts"
import { type Clock, type CreateOptions, type MandateTerms, Wallet } from "../src/index.ts"
import type { Ledger, Step } from "../src/ledger/ledger.ts"
import { memoryLedger } from "../src/ledger/memory.ts"
import { mandateTermNames, parseTerms } from "../src/mandate/parse-terms.ts"

/** The terms of the first guide. */
export const guide = { owner: "autogen-operator", dailyLimit: 70, requireApprovalAbove: 25 } as const

/** A clock that a test moves. */
function testClock(at = "2026-11-22T10:00:00Z"): Clock & { advance(ms: number): void } {
  let now = Date.parse(at)
  return {
    now: () => new Date(now),
    advance(ms) {
      now += ms
    },
  }
}

export interface Fresh {
  readonly ledger: Ledger
  readonly clock: ReturnType<typeof testClock>
  readonly wallet: Wallet
}

/** A wallet of the guide on a ledger of its own, under a clock of its own. */
export async function fresh(
  options: Partial<Omit<CreateOptions, "ledger" | "baseUrl">> = {},
): Promise<Fresh> {
  const ledger = memoryLedger()
  const clock = testClock()
  return { ledger, clock, wallet: await Wallet.create({ ...guide, ledger, clock, ...options }) }
}

/** What a reviewer does; the review desk has no face yet. */
export function commitAs<R>(ledger: Ledger, clock: Clock, step: Step<R>): Promise<R> {
  return createEngine({ ledger, clock: () => clock.now().getTime() }).commit(guide.owner, step)
}

export function reviewerAmends(terms: MandateTerms, agent?: string) {
  const parsed = parseTerms(terms, mandateTermNames, "USD")
  return amendStep({ wallet: guide.owner, agent, terms: parsed, actor: { name: "ana" }, codeVersion: 0 })
}
