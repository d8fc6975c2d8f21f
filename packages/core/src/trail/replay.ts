import type { Facts, MandateRow, WalletRow } from "../ledger/ledger.ts"
import { limitsInForce } from "../mandate/limits-in-force.ts"
import { formatMicros, parseMicros } from "../money/money.ts"
import { counterOf, seenKey, type Use } from "../spend/counters.ts"
import type { SpendState } from "../spend/machine.ts"
import { type Spend, usageOf } from "../spend/spend.ts"
import { isoTime } from "../time/clock.ts"
import { canonicalJson, type Json } from "./canonical.ts"
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
  state: SpendState
  spent: bigint
  key: string | undefined
  due: string | undefined
  reasons: readonly string[]
  approval: { readonly id: string; state: string; by?: string } | undefined
}

/** Rebuilds the decisions, counters and mandates of a wallet from its events alone. */
export class Replay {
  readonly #spends = new Map<string, Told>()
  readonly #keys = new Map<string, Told>()
  readonly #mandates = new Map<string, MandateRow>()

  add(event: TrailEvent): void {
    const { type, data } = event
    if (type === "wallet.created" || type === "mandate.amended") return this.#amend(data)
    if (type === "control.set") return this.#control(data)
    if (type === "decision.made") return this.#decide(event)
    const spend = this.#spends.get(text(data["decision"]) ?? "")
    if (spend !== undefined) retell(spend, event)
  }

  /** The first difference between what the events tell and what the tables say. */
  compare({ wallet, mandates, spends, counters }: Tables): TableFault | undefined {
    return (
      this.#compareMandates(mandates) ??
      this.#compareSpends(spends) ??
      this.#compareCounters(counters) ??
      this.#comparePending(wallet)
    )
  }

  #amend(data: TrailEvent["data"]): void {
    const agent = text(data["agent"]) ?? ""
    const control = this.#mandates.get(agent)?.control
    this.#mandates.set(agent, {
      agent,
      version: Number(data["version"]),
      hash: text(data["hash"]) ?? "",
      body: canonicalJson(data["terms"], "terms"),
      setAt: 0,
      codeVersion: Number(data["codeVersion"] ?? 0),
      ...(data["reviewer"] === undefined ? {} : { reviewer: String(data["reviewer"]) }),
      ...(control === undefined ? {} : { control }),
    })
  }

  #control({ agent, control }: TrailEvent["data"]): void {
    const name = text(agent) ?? ""
    const none: MandateRow = { agent: name, version: 0, hash: "", body: "", setAt: 0, codeVersion: 0 }
    const { control: _old, ...row } = this.#mandates.get(name) ?? none
    this.#mandates.set(
      name,
      control === "none" ? row : { ...row, control: control as NonNullable<MandateRow["control"]> },
    )
  }

  #decide({ at, data }: TrailEvent): void {
    const key = text(data["key"])
    const before = key === undefined ? undefined : this.#keys.get(key)
    if (before !== undefined) before.key = undefined
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
      state: data["status"] as SpendState,
      spent: 0n,
      key,
      due: text(data["due"]),
      reasons: (data["reasons"] ?? []) as readonly string[],
      approval: approval === undefined ? undefined : { id: approval, state: "pending" },
    }
    this.#spends.set(spend.id, spend)
    if (key !== undefined) this.#keys.set(key, spend)
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
      if (told !== undefined && toldText(told) === toldText(asTold(spend))) continue
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

  #comparePending({ pending }: WalletRow): TableFault | undefined {
    const told = [...this.#spends.values()].filter(({ state }) => state === "queued").length
    if (told === pending) return undefined
    return difference(
      "head_differs",
      "",
      `The wallet says ${pending} decisions wait; the trail says ${told}.`,
    )
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

function retell(spend: Told, { type, data }: TrailEvent): void {
  if (type === "approval.resolved") return resolve(spend, data)
  if (type === "spend.settled") spend.spent += parseMicros(data["cost"], "cost")
  if (type === "spend.late_outcome") spend.spent += parseMicros(data["counted"], "counted")
  const state = stateAfter[type]
  if (state === undefined) return
  spend.state = state
  if (state !== "failed" && state !== "unknown") spend.due = undefined
}

const stateAfter: Readonly<Partial<Record<TrailEvent["type"], SpendState>>> = {
  "spend.claimed": "running",
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

function resolve(spend: Told, data: TrailEvent["data"]): void {
  const state = String(data["state"])
  const by = text(data["by"])
  if (spend.approval !== undefined && state !== "refused") {
    spend.approval = { id: spend.approval.id, state, ...(by === undefined ? {} : { by }) }
  }
  spend.state = state === "approved" ? "approved" : "rejected"
  spend.due = text(data["due"])
  const refused = (data["reasons"] ?? []) as readonly string[]
  const reason = reasonAfter[state]
  spend.reasons = [...(reason === undefined ? refused : [reason]), ...spend.reasons]
}

function asTold(spend: Spend): Told {
  const {
    id,
    amount,
    currency,
    to,
    tags,
    run,
    askedAt,
    governed,
    binding,
    state,
    spent,
    key,
    due,
    reasons,
    approval,
  } = spend
  return {
    ...{ id, amount, currency, to, tags, run, askedAt, governed, binding, state, spent, key },
    due: due === undefined ? undefined : isoTime(due),
    reasons: reasons.map(({ code }) => code),
    approval: approval && { id: approval.id, state: approval.state, ...(approval.by && { by: approval.by }) },
  }
}

function toldText({ amount, spent, ...rest }: Told): string {
  const fields = { ...rest, amount: formatMicros(amount), spent: formatMicros(spent) }
  const present = Object.entries(fields).filter(([, value]) => value !== undefined)
  return canonicalJson(Object.fromEntries(present), "decision")
}

function mandateText(row: MandateRow | undefined): string {
  if (row === undefined) return ""
  const { agent, version, hash, body, reviewer, codeVersion, control } = row
  return JSON.stringify([agent, version, hash, body, reviewer ?? null, codeVersion, control ?? null])
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
