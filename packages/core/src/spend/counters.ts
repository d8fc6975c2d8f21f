import type { RunRef } from "../intent/intent.ts"
import type { CompiledLimit, Mandate } from "../mandate/mandate.ts"
import type { Where } from "../mandate/terms.ts"
import { windowKey } from "../time/window.ts"

/** The mandates that bear on one spend: the wallet's, and its agent's own where it has one. */
export interface Mandates {
  readonly wallet: Mandate
  readonly agent: Mandate | undefined
}

/** What limits look at in a spend. */
export interface Dimensions {
  readonly to: string
  readonly tags: Readonly<Record<string, string>>
  readonly run: RunRef
}

/** What a counter holds: millionths, or a count. */
export interface Use {
  readonly held: bigint
  readonly settled: bigint
}

export interface LimitCounter {
  readonly limit: CompiledLimit
  readonly key: string
}

export const noUse: Use = { held: 0n, settled: 0n }

/** Between the parts of a counter key: no name, tag or zone can hold a control character. */
const separator = "\u001f"

/** The counters that a spend asked for at `at` counts in, one for each limit that matches it. */
export function countersOf(
  { wallet, agent }: Mandates,
  spend: Dimensions,
  at: number,
): readonly LimitCounter[] {
  const counters: LimitCounter[] = []
  for (const limit of wallet.limits) addCounter(counters, limit, spend, at)
  if (agent !== undefined) for (const limit of agent.limits) addCounter(counters, limit, spend, at)
  return counters
}

/** What the keys of a limit's counters begin with: those of its open window, or of all windows. */
export function counterPrefix(limit: CompiledLimit, at?: number): string {
  return at === undefined
    ? `${limit.id}${separator}`
    : `${limit.id}${separator}${windowOf(limit, at)}${separator}`
}

/** The group that a counter key counts for; undefined for the bucket of spends without that dimension. */
export function bucketOf(key: string): string | undefined {
  const bucket = key.slice(key.lastIndexOf(separator) + 1)
  return bucket.startsWith("=") ? bucket.slice(1) : undefined
}

/** The counter that tells whether a spend to a counterparty was ever settled. */
export function seenKey(to: string): string {
  return `seen${separator}=${to}`
}

/** The counter of a limit that a spend counts in; undefined where the limit does not match it. */
export function counterOf(limit: CompiledLimit, spend: Dimensions, at: number): string | undefined {
  if (limit.agent !== undefined && limit.agent !== spend.run.agent) return undefined
  if (limit.where !== undefined && !matches(limit.where, spend)) return undefined
  const bucket = limit.by === undefined ? "" : groupOf(limit.by, spend)
  return counterPrefix(limit, at) + bucket
}

function addCounter(counters: LimitCounter[], limit: CompiledLimit, spend: Dimensions, at: number): void {
  const key = counterOf(limit, spend, at)
  if (key !== undefined) counters.push({ limit, key })
}

function windowOf({ per, timeZone }: CompiledLimit, at: number): string {
  return per === undefined ? "" : windowKey(per, at, timeZone)
}

function matches(where: Where, { to, tags, run }: Dimensions): boolean {
  if (where.to !== undefined && where.to !== to) return false
  if (where.tool !== undefined && where.tool !== run.tool) return false
  if (where.agent !== undefined && where.agent !== run.agent) return false
  return Object.entries(where.tags ?? {}).every(([name, value]) => tagOf(tags, name) === value)
}

/** A spend without the dimension shares one bucket with all such spends: no escape. */
function groupOf(by: string, { to, tags, run }: Dimensions): string {
  const value = by.startsWith("tag:") ? tagOf(tags, by.slice(4)) : dimensionOf(by, to, run)
  return value === undefined ? "-" : `=${value}`
}

function dimensionOf(by: string, to: string, run: Dimensions["run"]): string | undefined {
  if (by === "counterparty") return to
  if (by === "agent") return run.agent
  return by === "tool" ? run.tool : run.thread
}

function tagOf(tags: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(tags, name) ? tags[name] : undefined
}
