import { defined } from "../input/defined.ts"
import type { Facts, MandateRow, WalletRow } from "../ledger/ledger.ts"
import { limitsInForce } from "../mandate/limits-in-force.ts"
import { formatMicros, parseMicros } from "../money/money.ts"
import { counterOf, seenKey, type Use } from "../spend/counters.ts"
import { isFinal, type SpendState } from "../spend/machine.ts"
import { type Spend, usageOf } from "../spend/spend.ts"
import { isoTime } from "../time/clock.ts"
import { canonicalJson, type Json } from "./canonical.ts"
import { type Sealed, sealedDigest } from "./digest.ts"
import type { TrailEvent } from "./event.ts"

/** A table of the ledger that does not say what the events say. */
export interface TableFault {
  readonly ok: false
  readonly kind: "head_differs" | "mandate_differs" | "spend_differs" | "counter_differs"
  /** What differs: a decision id, a counter key, an agent; empty for the wallet itself. */
  readonly subject: string
  readonly message: string
}

/** What a ledger holds of one wallet beside its events. */
export interface Tables {
  readonly wallet: WalletRow
  readonly mandates: ReadonlyMap<string, MandateRow>
  readonly spends: Iterable<Spend>
  readonly counters: ReadonlyMap<string, Use>
}

/** A spend as its events tell it. */
interface Told {
  readonly id: string
  readonly amount: bigint
  readonly currency: string
  readonly to: string
  readonly tags: Readonly<Record<string, string>>
  readonly run: Spend["run"]
  readonly askedAt: number
  readonly governed: boolean
  readonly binding: string | undefined
  readonly mandate: Readonly<Record<string, string | number>>
  readonly digests: Record<string, string>
  receipt: Spend["receipt"]
  state: SpendState
  spent: bigint
  key: string | undefined
  due: string | undefined
  reasons: readonly string[]
  approval: Readonly<Record<string, string>> | undefined
  fence: number | undefined
  withdrawn: boolean
  endedAt: string | undefined
  endedBy: string | undefined
  readonly previous: string | undefined
}

/** Rebuilds the decisions, counters and mandates of a wallet from its events alone. */
export class Replay {
  readonly #spends = new Map<string, Told>()
  readonly #keys = new Map<string, Told>()
  readonly #mandates = new Map<string, MandateRow>()
  #lastAt = 0
  /** A decision that the events themselves do not allow: its key stood for another, or its time was over. */
  #suspect: string | undefined
  /** How often a mandate or control was set. */
  #epoch = 0

  /** Adds the next event, which was verified. */
  add(event: TrailEvent): void {
    const { type, data, at } = event
    this.#lastAt = Date.parse(at)
    if (type === "wallet.created" || type === "mandate.amended") return this.#amend(data)
    if (type === "control.set") return this.#control(data)
    if (type === "clock.reset") return this.#capDue(data)
    if (type === "decision.made") return this.#decide(event)
    const spend = this.#spends.get(text(data["decision"]) ?? "")
    if (spend === undefined) return
    if (type === "spend.claimed" && spend.due !== undefined && spend.due <= at) this.#suspect ??= spend.id
    retell(spend, event)
    if (data["withdrawn"] === true) this.#giveKeyBack(spend)
  }

  /** The key of a decision that was withdrawn stands for the one before it again. */
  #giveKeyBack(spend: Told): void {
    const before = spend.previous === undefined ? undefined : this.#spends.get(spend.previous)
    if (before === undefined || spend.key === undefined) return
    before.key = spend.key
    this.#keys.set(spend.key, before)
    spend.key = undefined
  }

  /** The first difference between what the events tell and what the tables say. */
  compare({ wallet, mandates, spends, counters }: Tables): TableFault | undefined {
    if (this.#suspect !== undefined) {
      const message = `Decision ${this.#suspect} cannot have come about as the trail tells it.`
      return difference("spend_differs", this.#suspect, message)
    }
    return (
      this.#compareMandates(mandates) ??
      this.#compareSpends(spends) ??
      this.#compareCounters(counters) ??
      this.#compareWallet(wallet)
    )
  }

  #amend(data: TrailEvent["data"]): void {
    this.#epoch++
    const agent = text(data["agent"]) ?? ""
    const control = this.#mandates.get(agent)?.control
    this.#mandates.set(agent, {
      agent,
      version: Number(data["version"]),
      hash: text(data["hash"]) ?? "",
      body: canonicalJson(data["terms"], "terms"),
      setAt: this.#lastAt,
      codeVersion: Number(data["codeVersion"] ?? 0),
      ...(data["by"] === undefined ? {} : { reviewer: String(data["by"]) }),
      ...(control === undefined ? {} : { control }),
    })
  }

  #control({ agent, control }: TrailEvent["data"]): void {
    this.#epoch++
    const name = text(agent) ?? ""
    const none: MandateRow = {
      agent: name,
      version: 0,
      hash: "",
      body: "",
      setAt: this.#lastAt,
      codeVersion: 0,
    }
    const { control: _old, ...row } = this.#mandates.get(name) ?? none
    this.#mandates.set(
      name,
      control === "none" ? row : { ...row, control: control as NonNullable<MandateRow["control"]> },
    )
  }

  #decide({ at, data, seq, hash }: TrailEvent): void {
    const key = text(data["key"])
    const before = key === undefined ? undefined : this.#keys.get(key)
    if (before !== undefined) {
      const isOver = before.withdrawn || before.state === "released" || before.state === "rejected"
      if (!isOver) this.#suspect ??= String(data["decision"])
      before.key = undefined
    }
    const approval = text(data["approval"])
    const { thread, agent, tool, call, node, namespace } = data as Record<string, string | undefined>
    const run = Object.entries({ thread, agent, tool, call, node, namespace }).filter(
      ([, value]) => value !== undefined,
    )
    const spend: Told = {
      id: String(data["decision"]),
      amount: parseMicros(data["amount"], "amount"),
      currency: String(data["currency"]),
      to: String(data["to"]),
      tags: (data["tags"] ?? {}) as Readonly<Record<string, string>>,
      run: Object.fromEntries(run),
      askedAt: Date.parse(at),
      governed: data["governed"] === true,
      binding: text(data["binding"]),
      mandate: this.#mandateRef(text(data["agent"])),
      digests: digestsIn(data),
      receipt: { seq, hash },
      fence: undefined,
      withdrawn: false,
      endedAt: undefined,
      endedBy: undefined,
      previous: text(data["previous"]),
      state: data["status"] as SpendState,
      spent: 0n,
      key,
      due: text(data["due"]),
      reasons: (data["reasons"] ?? []) as readonly string[],
      approval:
        approval === undefined
          ? undefined
          : { id: approval, state: "pending", expiresAt: text(data["due"]) ?? "" },
    }
    this.#spends.set(spend.id, spend)
    if (key !== undefined) this.#keys.set(key, spend)
  }

  /** What was to expire by a wrong clock expires by the right one. */
  #capDue({ due }: TrailEvent["data"]): void {
    const cap = text(due) ?? ""
    for (const spend of this.#spends.values()) {
      if (spend.due !== undefined && spend.due > cap) spend.due = cap
    }
  }

  #mandateRef(agent: string | undefined): Told["mandate"] {
    const wallet = this.#mandates.get("")
    const own = agent === undefined ? undefined : this.#mandates.get(agent)
    return {
      version: wallet?.version ?? 0,
      hash: wallet?.hash ?? "",
      ...(own === undefined || own.version === 0 ? {} : { agentVersion: own.version, agentHash: own.hash }),
    }
  }

  #compareMandates(rows: ReadonlyMap<string, MandateRow>): TableFault | undefined {
    for (const agent of new Set([...rows.keys(), ...this.#mandates.keys()])) {
      if (mandateText(rows.get(agent)) === mandateText(this.#mandates.get(agent))) continue
      const whose = agent === "" ? "the wallet" : `agent ${agent}`
      return difference(
        "mandate_differs",
        agent,
        `The mandate of ${whose} is not the one that the trail records.`,
      )
    }
    return undefined
  }

  #compareSpends(spends: Iterable<Spend>): TableFault | undefined {
    const missing = new Set(this.#spends.keys())
    for (const spend of spends) {
      const told = this.#spends.get(spend.id)
      missing.delete(spend.id)
      if (told !== undefined && isTold(spend, told)) continue
      return difference("spend_differs", spend.id, `Decision ${spend.id} is not as the trail records it.`)
    }
    const [gone] = missing
    if (gone === undefined) return undefined
    return difference("spend_differs", gone, `Decision ${gone} is in the trail but not in the table.`)
  }

  #compareCounters(counters: ReadonlyMap<string, Use>): TableFault | undefined {
    const told = this.#counters()
    for (const key of new Set([...told.keys(), ...counters.keys()])) {
      const expected = useText(told.get(key))
      const found = useText(counters.get(key))
      if (expected === found) continue
      const message = `Counter ${JSON.stringify(key)} says ${found}; the trail adds up to ${expected} (held + settled).`
      return difference("counter_differs", key, message)
    }
    return undefined
  }

  #compareWallet({ pending, lastAt, currency, epoch }: WalletRow): TableFault | undefined {
    const queued = [...this.#spends.values()].filter(({ state }) => state === "queued").length
    const terms = JSON.parse(this.#mandates.get("")?.body ?? "{}") as { readonly currency?: string }
    const lastTold = { pending: queued, lastAt: this.#lastAt, currency: terms.currency, epoch: this.#epoch }
    const told = JSON.stringify(lastTold)
    const found = JSON.stringify({ pending, lastAt, currency, epoch })
    if (told === found) return undefined
    return difference("head_differs", "", `The wallet says ${found}; the trail says ${told}.`)
  }

  #counters(): ReadonlyMap<string, Use> {
    const counters = new Map<string, { held: bigint; settled: bigint }>()
    const limits = [...limitsInForce(this.#mandates).values()]
    const count = (key: string, { held, settled }: Use) => {
      const sum = counters.get(key)
      if (sum === undefined) counters.set(key, { held, settled })
      else {
        sum.held += held
        sum.settled += settled
      }
    }
    for (const spend of this.#spends.values()) {
      const usage = usageOf(spend)
      for (const limit of limits) {
        const key = counterOf(limit, spend, spend.askedAt)
        if (key !== undefined) count(key, usage[limit.unit])
      }
      if (usage.count.settled > 0n) count(seenKey(spend.to), { held: 0n, settled: usage.count.settled })
    }
    return counters
  }
}

/** Reads a wallet's tables from one snapshot, for comparing. */
export function tablesOf(facts: Facts, wallet: WalletRow): Tables {
  const { mandates } = facts.head
  return { wallet, mandates, spends: facts.history(), counters: facts.countersUnder("") }
}

function retell(spend: Told, { type, data, at, seq, hash }: TrailEvent): void {
  if (type === "spend.overage") return
  spend.receipt = { seq, hash }
  Object.assign(spend.digests, digestsIn(data))
  if (type === "approval.resolved") return resolve(spend, data, at)
  if (type === "spend.claimed") spend.fence = Number(data["fence"])
  if (type === "spend.settled") {
    const cost = parseMicros(data["cost"], "cost")
    if (cost > spend.spent) spend.spent = cost
  }
  if (type === "spend.late_outcome") spend.spent += parseMicros(data["counted"], "counted")
  if (type === "spend.adjusted") spend.spent = parseMicros(data["to"], "to")
  spend.reasons = [...spend.reasons, ...((data["reasons"] ?? []) as readonly string[])]
  const state = stateAfter[type]
  if (state === undefined) return
  spend.state = state
  spend.due = text(data["due"])
  spend.withdrawn ||= data["withdrawn"] === true
  if (!isFinal(state) || type === "spend.adjusted") return
  spend.endedAt = at
  spend.endedBy = text(data["by"])
}

function digestsIn({ purpose, args, comment, result, error }: TrailEvent["data"]): Record<string, string> {
  const texts = { purpose, args, comment, result, error }
  const given = Object.entries(texts).filter(([, value]) => typeof value === "string")
  return Object.fromEntries(given) as Record<string, string>
}

const stateAfter: Readonly<Partial<Record<TrailEvent["type"], SpendState>>> = {
  "spend.claimed": "running",
  "spend.returned": "approved",
  "spend.adjusted": "settled",
  "spend.settled": "settled",
  "spend.released": "released",
  "spend.failed": "failed",
  "spend.unknown": "unknown",
}

const reasonAfter: Readonly<Record<string, string>> = {
  rejected: "review_rejected",
  expired: "approval_expired",
  canceled: "canceled",
}

function resolve(spend: Told, data: TrailEvent["data"], at: string): void {
  const state = String(data["state"])
  const by = text(data["by"])
  if (spend.approval !== undefined && state !== "refused") {
    const { id = "", expiresAt = "" } = spend.approval
    const signature = text(data["signature"])
    spend.approval = defined({ id, state, at, expiresAt, by, signature }) as Record<string, string>
  }
  spend.state = state === "approved" ? "approved" : "rejected"
  spend.due = text(data["due"])
  if (spend.state === "rejected") spend.endedAt = at
  spend.withdrawn = data["withdrawn"] === true
  const refused = (data["reasons"] ?? []) as readonly string[]
  const reason = reasonAfter[state]
  spend.reasons = [...(reason === undefined ? refused : [reason]), ...spend.reasons]
}

/** Texts may be gone; those that are there must be the ones that the events took digests of. */
function digestsOf({ texts }: Spend, told: Told): Record<string, string> {
  const present = Object.entries(texts ?? {}) as readonly (readonly [string, Sealed])[]
  const digests = present.map(([name, sealed]) => [name, sealedDigest(name, sealed)])
  return { ...told.digests, ...(Object.fromEntries(digests) as Record<string, string>) }
}

function asTold(spend: Spend, told: Told): Told {
  const { id, amount, currency, to, tags, run, askedAt, governed, binding, state, spent, key, mandate } =
    spend
  const { due, reasons, approval, receipt, fence, withdrawn, endedAt, endedBy, previous } = spend
  const time = (ms: number | undefined) => (ms === undefined ? undefined : isoTime(ms))
  return {
    ...{ id, amount, currency, to, tags, run, askedAt, governed, binding, state, spent, key, receipt, fence },
    mandate: defined({ ...mandate }) as Told["mandate"],
    digests: digestsOf(spend, told),
    due: state === "running" ? undefined : time(due),
    endedAt: time(endedAt),
    endedBy,
    previous,
    withdrawn: withdrawn === true,
    reasons: reasons.map(({ code }) => code),
    approval:
      approval && defined({ ...approval, at: time(approval.at), expiresAt: isoTime(approval.expiresAt) }),
  }
}

/** A row that cannot even be read as a spend is not as told. */
function isTold(spend: Spend, told: Told): boolean {
  try {
    return toldText(told) === toldText(asTold(spend, told))
  } catch {
    return false
  }
}

function toldText({ amount, spent, ...rest }: Told): string {
  const fields = { ...rest, amount: formatMicros(amount), spent: formatMicros(spent) }
  return canonicalJson(fields, "decision")
}

function mandateText(row: MandateRow | undefined): string {
  if (row === undefined) return ""
  const { agent, version, hash, body, reviewer, codeVersion, control, setAt } = row
  return JSON.stringify([agent, version, hash, body, reviewer ?? null, codeVersion, control ?? null, setAt])
}

function useText(use: Use | undefined): string {
  return `${use?.held ?? 0n} + ${use?.settled ?? 0n}`
}

function text(value: Json | undefined): string | undefined {
  return typeof value === "string" ? value : undefined
}

function difference(kind: TableFault["kind"], subject: string, message: string): TableFault {
  return { ok: false, kind, subject, message }
}
