import { defined } from "../input/defined.ts"
import type { Facts, MandateRow, WalletRow, Writes } from "../ledger/ledger.ts"
import { countersOf, type Mandates, seenKey, type Use } from "../spend/counters.ts"
import { isFinal } from "../spend/machine.ts"
import { type Spend, type SpendTexts, usageOf } from "../spend/spend.ts"
import { isoTime } from "../time/clock.ts"
import { canonicalJson, type Json } from "../trail/canonical.ts"
import { type Disclosure, disclosureDigest } from "../trail/digest.ts"
import { type EventType, sealEvent } from "../trail/event.ts"
import { type Actor, requireOther, signatureOf } from "./reviewer.ts"
import { requireClock, standingOf, walletNotFound } from "./standing.ts"

type Data = { readonly [name: string]: Json }

/** A spend before its event is sealed: the receipt comes from the event. */
export type Unsealed = Omit<Spend, "receipt">

/** Who did it at the desk, and what they said about it. */
export interface Told {
  readonly actor: Actor
  readonly remark?: Disclosure | undefined
}

/** What goes with an event: by whom at the desk, or by the wallet itself. */
type Saying = Told | { readonly actor?: undefined; readonly remark?: Disclosure | undefined }

/** Gathers what one step writes, so that an event, its spend, counters and chain head cannot come apart. */
export interface Change {
  readonly at: number
  /** Seals an event about a spend and keeps the spend as it is after it. */
  put(before: Spend | undefined, after: Unsealed, type: EventType, data: Data, told?: Saying): Spend
  /** Keeps what the trail does not record of a spend, or what another event of this change tells. */
  rewrite(spend: Spend): void
  /** Seals an event about the wallet. */
  note(type: EventType, data: Data, told?: Saying): void
  setMandate(row: MandateRow): void
  /** Deletes the counters under a prefix; what is counted later is added to nothing. */
  dropCounters(prefix: string): void
  /** Deletes the remarks of earlier events about these decisions, and what this change deletes from the store. */
  redact(decisions: readonly string[]): void
  /** Deletes remarks that would stay longer at this instant, milliseconds UTC. */
  capRemarks(until: number): void
  /** Adds to a counter apart from any spend of this change. */
  count(key: string, use: Use): void
  writes(): Writes
}

/**
 * A change of the wallet that is there, or of one that it makes.
 * @throws {NornrError} `clock_behind`, `wallet_not_found`
 */
export function changeOf(facts: Facts, wallet: WalletRow | undefined = facts.head.wallet): Change {
  if (wallet === undefined) throw walletNotFound(facts.head.id)
  requireClock(facts)
  return new PendingChange(facts, wallet, facts.at)
}

/** A change at the time of the clock, though the wallet's last event is later. */
export function resettingChangeOf(facts: Facts): Change {
  if (facts.head.wallet === undefined) throw walletNotFound(facts.head.id)
  return new PendingChange(facts, facts.head.wallet, facts.now)
}

class PendingChange implements Change {
  readonly at: number
  readonly #facts: Facts
  readonly #events: Writes["events"][number][] = []
  readonly #spends: Spend[] = []
  readonly #texts = new Map<string, SpendTexts>()
  readonly #counters = new Map<string, Use>()
  readonly #mandates: MandateRow[] = []
  readonly #dropped: string[] = []
  #capRemarks: number | undefined
  #redacts: readonly string[] | undefined
  #wallet: WalletRow

  constructor(facts: Facts, wallet: WalletRow, at: number) {
    this.#facts = facts
    this.at = at
    this.#wallet = wallet
  }

  put(before: Spend | undefined, after: Unsealed, type: EventType, data: Data, told?: Saying): Spend {
    const { ref, mandates } = standingOf(this.#facts.head, after.run.agent)
    const link = { after: before?.receipt.seq, agentMandate: ref.agentHash }
    const self = told?.actor && requireOther(told.actor, this.#facts.head, after.run.agent)
    this.note(type, { ...data, ...defined({ ...link, selfApproved: self }) }, told)
    const { seq, hash } = this.#wallet
    const spend: Spend = { ...after, ...this.#forgetting(before, after), receipt: { seq, hash } }
    this.#spends.push(spend)
    if (spend.texts !== undefined && spend.texts !== before?.texts) this.#texts.set(spend.id, spend.texts)
    this.#recount(before, spend, mandates)
    return spend
  }

  /** Counted from its end; texts that come when the earlier ones are gone already have a time of their own. */
  #forgetting(before: Spend | undefined, { state, texts }: Unsealed): Pick<Spend, "forgetAt"> {
    const isNew = before === undefined || !isFinal(before.state) || (before.forgetAt === undefined && texts)
    return isFinal(state) && isNew ? { forgetAt: this.at + this.#retention() } : {}
  }

  rewrite(spend: Spend): void {
    this.#spends.push(spend)
  }

  note(type: EventType, data: Data, told?: Saying): void {
    const { id, seq, hash } = this.#wallet
    const mandate = this.#currentMandate()
    const at = isoTime(this.at)
    const all = told === undefined ? data : this.#signed(type, data, told)
    const event = sealEvent(
      { v: 1, wallet: id, seq: seq + 1, at, type, mandate, prev: hash, data: all },
      told?.remark && { ...told.remark, until: this.at + this.#retention() },
    )
    this.#events.push(event)
    this.#wallet = { ...this.#wallet, seq: event.seq, hash: event.hash, lastAt: this.at }
  }

  setMandate(row: MandateRow): void {
    this.#mandates.push(row)
    this.#wallet = { ...this.#wallet, epoch: this.#wallet.epoch + 1 }
  }

  dropCounters(prefix: string): void {
    this.#dropped.push(prefix)
  }

  redact(decisions: readonly string[]): void {
    this.#redacts = decisions
  }

  capRemarks(until: number): void {
    this.#capRemarks = until
  }

  count(key: string, use: Use): void {
    this.#add(key, use.held, use.settled)
  }

  writes(): Writes {
    return {
      wallet: this.#wallet,
      events: this.#events,
      spends: this.#spends,
      texts: this.#texts,
      counters: this.#counters,
      mandates: this.#mandates,
      dropCounters: this.#dropped,
      capRemarks: this.#capRemarks,
      redacts: this.#redacts,
    }
  }

  /** Names who did it; where the mandate asks for keys, with a signature over all but the mandate and time. */
  #signed(type: EventType, data: Data, { actor, remark }: Saying): Data {
    const { id, hash } = this.#wallet
    const digest = remark && disclosureDigest("remark", remark)
    const agent = typeof data["agent"] === "string" ? data["agent"] : undefined
    const selfApproved = data["selfApproved"] ?? (actor && requireOther(actor, this.#facts.head, agent))
    const said = defined({ ...data, by: actor?.name, selfApproved, remark: digest }) as Data
    if (actor === undefined) return said
    const text = canonicalJson({ wallet: id, type, prev: hash, data: said }, "event")
    const signature = signatureOf(actor, this.#facts.head, text)
    return signature === undefined ? said : { ...said, signature }
  }

  #retention(): number {
    return standingOf(this.#facts.head, undefined).mandates.wallet.retention
  }

  #currentMandate(): string {
    const set = this.#mandates.findLast(({ agent }) => agent === "")
    return set?.hash ?? this.#facts.head.mandates.get("")?.hash ?? ""
  }

  /** Moves every counter that the spend counts in by what changed, in the windows of its ask. */
  #recount(before: Spend | undefined, after: Spend, mandates: Mandates): void {
    const old = usageOf(before)
    const now = usageOf(after)
    const counted = new Set<string>()
    for (const { limit, key } of countersOf(mandates, after, after.askedAt)) {
      if (counted.has(key)) continue
      counted.add(key)
      const from = old[limit.unit]
      const to = now[limit.unit]
      this.#add(key, to.held - from.held, to.settled - from.settled)
    }
    this.#add(seenKey(after.to), 0n, now.count.settled - old.count.settled)
    const waited = before?.state === "queued" ? 1 : 0
    const waits = after.state === "queued" ? 1 : 0
    if (waited !== waits) this.#wallet = { ...this.#wallet, pending: this.#wallet.pending + waits - waited }
  }

  #add(key: string, held: bigint, settled: bigint): void {
    if (held === 0n && settled === 0n) return
    const sum = this.#counters.get(key)
    this.#counters.set(key, { held: (sum?.held ?? 0n) + held, settled: (sum?.settled ?? 0n) + settled })
  }
}
