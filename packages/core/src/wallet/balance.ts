import { standingOf } from "../engine/standing.ts"
import { defined } from "../input/defined.ts"
import type { Facts, Step } from "../ledger/ledger.ts"
import type { CompiledLimit } from "../mandate/mandate.ts"
import { formatMicros } from "../money/money.ts"
import type { Control } from "../policy/decide.ts"
import { bucketOf, counterPrefix, type Use } from "../spend/counters.ts"
import { isoTime } from "../time/clock.ts"
import { windowEnd } from "../time/window.ts"

/** One limit in its open window. Amounts are decimal strings; of a count limit, counts. */
export interface LimitBalance {
  readonly name: string
  readonly unit: "amount" | "count"
  /** Whether a spend over it is rejected or queued. */
  readonly over: "reject" | "queue"
  readonly limit: string
  readonly held: string
  readonly settled: string
  /** Never below zero. */
  readonly remaining: string
  /** ISO 8601 UTC; absent where the limit is for ever. */
  readonly resetsAt?: string
  /** The agent whose own limit it is. */
  readonly agent?: string
  /** Of a limit with `by`: the dimension, and whose budget this is (absent: spends that name none, or no spend yet). */
  readonly by?: string
  readonly bucket?: string
}

/** What a wallet has left, limit by limit. */
export interface Balance {
  readonly owner: string
  readonly currency: string
  /** ISO 8601 UTC. */
  readonly at: string
  /** What a reviewer has put over the wallet. */
  readonly control?: Control
  /** How many decisions wait for a reviewer. */
  readonly pending: number
  readonly mandate: { readonly version: number; readonly hash: string }
  readonly limits: readonly LimitBalance[]
}

export function balanceStep(agent: string | undefined): Step<Balance> {
  const limits = (head: Facts["head"]) => {
    const { wallet, agent: own } = standingOf(head, agent).mandates
    return [...wallet.limits, ...(own?.limits ?? [])]
  }
  return {
    reads: (head, at) => ({ prefixes: limits(head).map((limit) => counterPrefix(limit, at)) }),
    work(facts) {
      const { wallet, control, ref } = standingOf(facts.head, agent)
      const result = defined({
        owner: wallet.id,
        currency: wallet.currency,
        at: isoTime(facts.at),
        control,
        pending: wallet.pending,
        mandate: { version: ref.version, hash: ref.hash },
        limits: limits(facts.head).flatMap((limit) => balancesOf(limit, facts)),
      })
      return { result }
    },
  }
}

function balancesOf(limit: CompiledLimit, facts: Facts): readonly LimitBalance[] {
  const used = [...facts.countersUnder(counterPrefix(limit, facts.at))].filter(([, use]) => isUsed(use))
  if (used.length === 0) return [balanceOf(limit, undefined, { held: 0n, settled: 0n }, facts.at)]
  return used.map(([key, use]) => balanceOf(limit, key, use, facts.at))
}

/** One limit as it stands at an instant of its window. */
export function balanceOf(limit: CompiledLimit, key: string | undefined, use: Use, at: number): LimitBalance {
  const show = (value: bigint) => (limit.unit === "amount" ? formatMicros(value) : String(value))
  const used = use.held + use.settled
  return defined({
    name: limit.name,
    unit: limit.unit,
    over: limit.over,
    limit: show(limit.max),
    held: show(use.held),
    settled: show(use.settled),
    remaining: show(limit.max > used ? limit.max - used : 0n),
    resetsAt: limit.per && isoTime(windowEnd(limit.per, at, limit.timeZone)),
    agent: limit.agent,
    by: limit.by,
    bucket: limit.by && key && bucketOf(key),
  })
}

function isUsed({ held, settled }: Use): boolean {
  return held !== 0n || settled !== 0n
}
