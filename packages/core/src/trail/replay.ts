import type { MandateRow, StoredSpend, WalletRow } from "../ledger/ledger.ts"
import { limitsInForce } from "../mandate/limits-in-force.ts"
import { parseMicros } from "../money/money.ts"
import { counterOf, seenKey, type Use } from "../spend/counters.ts"
import type { SpendState } from "../spend/machine.ts"
import { usageOf } from "../spend/spend.ts"
import { canonicalJson } from "./canonical.ts"
import { sha256 } from "./digest.ts"
import type { TrailEvent } from "./event.ts"
import type { Fault, FaultKind } from "./fault.ts"
import { Scratch, type Shape } from "./scratch.ts"
import { digestsIn, isTold, retell, type Told, text, toldShape } from "./told.ts"

/** What a ledger holds of one wallet beside its events. */
export interface Tables {
  readonly wallet: WalletRow
  readonly mandates: ReadonlyMap<string, MandateRow>
  readonly spends: AsyncIterable<StoredSpend>
  readonly counters: ReadonlyMap<string, Use>
}

const keyShape: Shape<string> = { encode: (id) => id, decode: (id) => id }

/** Rebuilds the decisions, counters and mandates of a wallet from its events alone. Close it. */
export class Replay {
  readonly #spends = new Scratch(toldShape)
  /** The decision that a key stands for. */
  readonly #keys = new Scratch(keyShape)
  readonly #mandates = new Map<string, MandateRow>()
  #lastAt = 0
  /** Decisions that the events themselves do not allow: the key stood for another, or the time was over. */
  readonly #suspects = new Set<string>()
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
    const isLate = type === "spend.claimed" && spend.due !== undefined && spend.due <= at
    const isSkipped = "after" in data && data["after"] !== spend.receipt.seq
    if (isLate || isSkipped) this.#suspects.add(spend.id)
    retell(spend, event)
    if (data["withdrawn"] === true) this.#giveKeyBack(spend)
  }

  /** The key of a decision that was withdrawn stands for the one before it again. */
  #giveKeyBack(spend: Told): void {
    const before = spend.previous === undefined ? undefined : this.#spends.get(spend.previous)
    if (before === undefined || spend.key === undefined) return
    before.key = spend.key
    this.#keys.set(spend.key, before.id)
    spend.key = undefined
  }

  /** Every difference between what the events tell and what the tables say. */
  async *compare({ wallet, mandates, spends, counters }: Tables): AsyncGenerator<Fault> {
    for (const id of this.#suspects) {
      yield difference("spend_differs", id, `Decision ${id} cannot have come about as the trail tells it.`)
    }
    yield* this.#compareMandates(mandates)
    yield* this.#compareCounters(counters)
    yield* this.#compareWallet(wallet)
    yield* this.#compareSpends(spends)
  }

  close(): void {
    this.#spends.close()
    this.#keys.close()
  }

  #amend(data: TrailEvent["data"]): void {
    this.#epoch++
    const agent = text(data["agent"]) ?? ""
    const control = this.#mandates.get(agent)?.control
    const body = canonicalJson(data["terms"], "terms")
    if (sha256(body) !== data["hash"]) throw new Error("The terms do not have their hash.")
    this.#mandates.set(agent, {
      agent,
      version: Number(data["version"]),
      hash: text(data["hash"]) ?? "",
      body,
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
    const known = key === undefined ? undefined : this.#keys.get(key)
    const before = known === undefined ? undefined : this.#spends.get(known)
    if (before !== undefined) {
      const isOver = before.withdrawn || before.state === "released" || before.state === "rejected"
      if (!isOver) this.#suspects.add(String(data["decision"]))
      before.key = undefined
    }
    const approval = text(data["approval"])
    const reasons = (data["reasons"] ?? []) as readonly string[]
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
      evidence: [],
      endedAt: undefined,
      endedBy: undefined,
      previous: text(data["previous"]),
      state: data["status"] as SpendState,
      spent: 0n,
      key,
      due: text(data["due"]),
      claimBy: undefined,
      adjusted: false,
      reasons,
      because: text(data["because"]),
      asked: reasons.length,
      before: 0,
      approval:
        approval === undefined
          ? undefined
          : { id: approval, state: "pending", expiresAt: text(data["due"]) ?? "" },
    }
    this.#spends.set(spend.id, spend)
    if (key !== undefined) this.#keys.set(key, spend.id)
  }

  /** What was to expire by a wrong clock expires by the right one. */
  #capDue({ due }: TrailEvent["data"]): void {
    const cap = text(due) ?? ""
    const isLate = (time: string | undefined) => time !== undefined && time > cap
    const late: string[] = []
    for (const [id, { due, claimBy }] of this.#spends.entries())
      if (isLate(due) || isLate(claimBy)) late.push(id)
    for (const id of late) {
      const spend = this.#spends.get(id)
      if (isLate(spend?.due) && spend !== undefined) spend.due = cap
      if (isLate(spend?.claimBy) && spend !== undefined) spend.claimBy = cap
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

  *#compareMandates(rows: ReadonlyMap<string, MandateRow>): Generator<Fault> {
    for (const agent of new Set([...rows.keys(), ...this.#mandates.keys()])) {
      if (mandateText(rows.get(agent)) === mandateText(this.#mandates.get(agent))) continue
      const whose = agent === "" ? "the wallet" : `agent ${agent}`
      yield difference(
        "mandate_differs",
        agent,
        `The mandate of ${whose} is not the one that the trail records.`,
      )
    }
  }

  async *#compareSpends(spends: AsyncIterable<StoredSpend>): AsyncGenerator<Fault> {
    for await (const stored of spends) {
      const told = this.#spends.take(stored.id)
      if (told !== undefined && isTold(stored, told)) continue
      yield difference("spend_differs", stored.id, `Decision ${stored.id} is not as the trail records it.`)
    }
    for (const [id] of this.#spends.entries()) {
      yield difference("spend_differs", id, `Decision ${id} is in the trail but not in the table.`)
    }
  }

  *#compareCounters(counters: ReadonlyMap<string, Use>): Generator<Fault> {
    const told = this.#counters()
    for (const key of new Set([...told.keys(), ...counters.keys()])) {
      const expected = useText(told.get(key))
      const found = useText(counters.get(key))
      if (expected === found) continue
      const message = `Counter ${JSON.stringify(key)} says ${found}; the trail adds up to ${expected} (held + settled).`
      yield difference("counter_differs", key, message)
    }
  }

  *#compareWallet({ pending, lastAt, currency, epoch }: WalletRow): Generator<Fault> {
    let queued = 0
    for (const [, { state }] of this.#spends.entries()) if (state === "queued") queued++
    const terms = JSON.parse(this.#mandates.get("")?.body ?? "{}") as { readonly currency?: string }
    const lastTold = { pending: queued, lastAt: this.#lastAt, currency: terms.currency, epoch: this.#epoch }
    const told = JSON.stringify(lastTold)
    const found = JSON.stringify({ pending, lastAt, currency, epoch })
    if (told !== found)
      yield difference("head_differs", "", `The wallet says ${found}; the trail says ${told}.`)
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
    for (const [, spend] of this.#spends.entries()) {
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

function mandateText(row: MandateRow | undefined): string {
  if (row === undefined) return ""
  const { agent, version, hash, body, reviewer, codeVersion, control, setAt } = row
  return JSON.stringify([agent, version, hash, body, reviewer ?? null, codeVersion, control ?? null, setAt])
}

function useText(use: Use | undefined): string {
  return `${use?.held ?? 0n} + ${use?.settled ?? 0n}`
}

function difference(kind: FaultKind, subject: string, message: string): Fault {
  return { kind, subject, message }
}
