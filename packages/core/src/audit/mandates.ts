import { walletNotFound } from "../engine/standing.ts"
import { defined } from "../input/defined.ts"
import type { Snapshot } from "../ledger/ledger.ts"
import type { Control } from "../policy/decide.ts"
import { isoTime } from "../time/clock.ts"
import type { Json } from "../trail/canonical.ts"
import { openEvent } from "../trail/event.ts"
import { eventsOfWallet } from "../trail/events-of.ts"

/** A version of a mandate, of a wallet or of one agent of it. */
export interface MandateRecord {
  readonly owner: string
  readonly agent?: string
  /** 0 where an agent has no terms of its own, only what a reviewer has put over it. */
  readonly version: number
  readonly hash: string
  /** As it is stored: amounts are decimal strings, durations milliseconds. */
  readonly terms: { readonly [name: string]: Json }
  /** ISO 8601 UTC. */
  readonly at: string
  /** The reviewer who set it; left out where code did. */
  readonly by?: string
  /** What a reviewer has put over it. */
  readonly control?: Control
}

/** The mandates in force: the wallet's, then those of its agents. */
export async function mandatesInForce(snapshot: Snapshot, owner: string): Promise<readonly MandateRecord[]> {
  const { wallet, mandates } = await snapshot.head(owner)
  if (wallet === undefined) throw walletNotFound(owner)
  const set = [...mandates.values()].filter(({ version, control }) => version > 0 || control !== undefined)
  return set.map(({ agent, version, hash, body, reviewer, setAt, control }) =>
    defined({
      owner,
      agent: agent === "" ? undefined : agent,
      version,
      hash,
      terms: body === "" ? {} : (JSON.parse(body) as MandateRecord["terms"]),
      at: isoTime(setAt),
      by: reviewer,
      control,
    }),
  )
}

/** Every version of a mandate that the trail has, oldest first. */
export async function mandateVersions(
  snapshot: Snapshot,
  owner: string,
  agent: string | undefined,
): Promise<readonly MandateRecord[]> {
  const { wallet } = await snapshot.head(owner)
  if (wallet === undefined) throw walletNotFound(owner)
  const found: MandateRecord[] = []
  for await (const row of eventsOfWallet(snapshot, owner)) {
    if (!row.body.includes('"terms":')) continue
    const { type, data, at } = openEvent(row)
    if ((type !== "wallet.created" && type !== "mandate.amended") || data["agent"] !== agent) continue
    const { version, hash, terms, by } = data as Record<string, never>
    found.push(defined({ owner, agent, version, hash, terms, at, by }) as unknown as MandateRecord)
  }
  return found
}
