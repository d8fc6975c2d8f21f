import { NornrError } from "../error/nornr-error.ts"
import { defined } from "../input/defined.ts"
import type { Facts, Head, MandateRow, Step, WalletRow } from "../ledger/ledger.ts"
import { limitsInForce } from "../mandate/limits-in-force.ts"
import { amendBody, type CompiledLimit, requireLimit, sealMandate } from "../mandate/mandate.ts"
import type { MandateBody, TermsPatch } from "../mandate/terms.ts"
import type { Control } from "../policy/decide.ts"
import { counterOf, counterPrefix } from "../spend/counters.ts"
import { usageOf } from "../spend/spend.ts"
import type { Json } from "../trail/canonical.ts"
import { noHash } from "../trail/event.ts"
import { type Change, changeOf } from "./change.ts"
import { type Actor, requireOther } from "./reviewer.ts"
import { walletNotFound } from "./standing.ts"

export interface Amendment {
  readonly wallet: string
  /** Undefined for the wallet's own mandate. */
  readonly agent?: string | undefined
  readonly terms: TermsPatch
  /** The reviewer who amends; undefined where code does. */
  readonly actor?: Actor | undefined
  /** The `version` that code gives with its terms; 0 without one. */
  readonly codeVersion: number
  /** Makes the wallet, in this currency, where there is none. */
  readonly create?: { readonly currency: string }
  /** The currency that the terms name; left out, the wallet's. */
  readonly currency?: string | undefined
}

export interface Amended {
  /** Ignored are terms with a lower version (`older`) and terms of code against a reviewer's (`overruled`). */
  readonly outcome: "amended" | "unchanged" | "older" | "overruled"
  readonly row: MandateRow
  readonly currency: string
}

/** Sets terms of a wallet or agent, making the wallet where asked to. */
export function amendStep(amendment: Amendment): Step<Amended> {
  return {
    alone: true,
    reads(head, at) {
      const { outcome, added } = planOf(amendment, head, at)
      return { history: head.wallet !== undefined && outcome === "amended" && added.length > 0 }
    },
    work(facts) {
      const plan = planOf(amendment, facts.head, facts.at)
      const { outcome, current, next, wallet } = plan
      const { currency } = wallet
      if (outcome !== "amended") return { result: { outcome, row: current ?? next, currency } }
      const change = changeOf(facts, wallet)
      recordAmendment(amendment, plan, facts, change)
      return { writes: change.writes(), result: { outcome, row: next, currency } }
    },
  }
}

/** What an amendment comes to. */
interface Plan {
  readonly wallet: WalletRow
  readonly current: MandateRow | undefined
  readonly next: MandateRow
  readonly outcome: Amended["outcome"]
  /** Limits that were not in force before, and those that are no more. */
  readonly added: readonly CompiledLimit[]
  readonly removed: readonly CompiledLimit[]
}

function planOf(amendment: Amendment, { wallet: known, mandates }: Head, at: number): Plan {
  const wallet = known ?? newWallet(amendment)
  requireCurrency(wallet.id, wallet.currency, amendment.currency)
  const agent = amendment.agent ?? ""
  const current = mandates.get(agent)
  const next = nextRow(amendment, current, wallet.currency, at)
  const before = limitsInForce(mandates)
  const after = limitsInForce(new Map([...mandates, [agent, next]]))
  return {
    wallet,
    current,
    next,
    outcome: outcomeOf(amendment, current, next),
    added: [...after.values()].filter(({ id }) => !before.has(id)),
    removed: [...before.values()].filter(({ id }) => !after.has(id)),
  }
}

export type ControlAct = "freeze" | "review_only" | "unfreeze" | "revoke" | "reinstate"

const controls: Readonly<Record<ControlAct, Control | undefined>> = {
  freeze: "freeze",
  review_only: "review_only",
  unfreeze: undefined,
  revoke: "revoked",
  reinstate: undefined,
}

/** Freezes, unfreezes, puts under review, revokes or reinstates; an agent that was revoked stays so until then. */
export function controlStep(agent: string | undefined, act: ControlAct, actor: Actor): Step<void> {
  return {
    alone: true,
    reads: () => ({}),
    work(facts) {
      requireOther(actor, facts.head, agent)
      const control = controls[act]
      if (facts.head.mandates.get(agent ?? "")?.control === "revoked" && act !== "reinstate") {
        if (act !== "unfreeze") return { result: undefined }
        throw stillRevoked(agent)
      }
      const change = changeOf(facts)
      const name = agent ?? ""
      const none: MandateRow = {
        agent: name,
        version: 0,
        hash: "",
        body: "",
        setAt: facts.at,
        codeVersion: 0,
      }
      const { control: _lifted, ...row } = facts.head.mandates.get(name) ?? none
      change.setMandate(control === undefined ? row : { ...row, control })
      change.note("control.set", defined({ agent, control: control ?? "none" }), { actor })
      return { writes: change.writes(), result: undefined }
    },
  }
}

function stillRevoked(agent: string | undefined): NornrError {
  const problem = `Agent ${JSON.stringify(agent)} was revoked, not frozen.`
  return new NornrError("state_conflict", problem, {
    remedy: "Use desk.reinstate(agent) to let it spend again.",
  })
}

function recordAmendment({ agent, actor }: Amendment, plan: Plan, facts: Facts, change: Change): void {
  const { version, hash, codeVersion, body } = plan.next
  if (actor !== undefined) requireOther(actor, facts.head, agent)
  change.setMandate(plan.next)
  const data = defined({
    agent,
    version,
    hash,
    codeVersion: codeVersion === 0 ? undefined : codeVersion,
    terms: JSON.parse(body) as Json,
  })
  if (facts.head.wallet === undefined) return change.note("wallet.created", data)
  change.note("mandate.amended", data, actor && { actor })
  rebuildCounters(plan, facts, change)
}

/** Counters of limits that are gone go; those of new limits are counted anew from every spend. */
function rebuildCounters({ added, removed }: Plan, facts: Facts, change: Change): void {
  for (const limit of [...removed, ...added]) change.dropCounters(counterPrefix(limit))
  if (added.length === 0) return
  for (const spend of facts.history()) {
    const usage = usageOf(spend)
    for (const limit of added) {
      const key = counterOf(limit, spend, spend.askedAt)
      if (key !== undefined) change.count(key, usage[limit.unit])
    }
  }
}

function nextRow(
  amendment: Amendment,
  current: MandateRow | undefined,
  currency: string,
  at: number,
): MandateRow {
  const { agent = "", terms, actor, codeVersion } = amendment
  const stored =
    current === undefined || current.version === 0 ? undefined : (JSON.parse(current.body) as MandateBody)
  const body = amendBody(stored, terms, currency)
  if (agent === "") requireLimit(body)
  return defined({
    agent,
    version: (current?.version ?? 0) + 1,
    ...sealMandate(body),
    reviewer: actor?.name,
    setAt: at,
    codeVersion: Math.max(codeVersion, current?.codeVersion ?? 0),
    control: current?.control,
  })
}

function outcomeOf(
  amendment: Amendment,
  current: MandateRow | undefined,
  next: MandateRow,
): Amended["outcome"] {
  if (current === undefined || current.version === 0) return "amended"
  const same = current.hash === next.hash
  if (amendment.actor !== undefined) return same ? "unchanged" : "amended"
  if (amendment.codeVersion < current.codeVersion) return "older"
  if (current.reviewer !== undefined) return same ? "unchanged" : "overruled"
  requireSameReviewers(current, next)
  if (same) return amendment.codeVersion > current.codeVersion ? "amended" : "unchanged"
  if (amendment.codeVersion === 0 || amendment.codeVersion > current.codeVersion) return "amended"
  const problem = `Mandate version ${amendment.codeVersion} was given before with other terms.`
  throw new NornrError("mandate_conflict", problem, { remedy: "Raise the version when the terms change." })
}

/** @throws {NornrError} `reviewer_refused` where code would say who may review */
function requireSameReviewers(current: MandateRow, next: MandateRow): void {
  const [before, after] = [current, next].map(({ body }) => (JSON.parse(body) as MandateBody).reviewers)
  if (before === undefined || JSON.stringify(before) === JSON.stringify(after)) return
  const problem = "The terms in code name other reviewers than the mandate."
  const remedy = "Change reviewers at the review desk, as one of them: desk.amend({ reviewers })."
  throw new NornrError("reviewer_refused", problem, { remedy })
}

function newWallet({ wallet, create, agent }: Amendment): WalletRow {
  if (create !== undefined && agent === undefined) {
    return { id: wallet, currency: create.currency, seq: 0, hash: noHash, lastAt: 0, pending: 0, epoch: 0 }
  }
  throw walletNotFound(wallet)
}

/** @throws {NornrError} `invalid_currency` */
export function requireCurrency(owner: string, currency: string, given: string | undefined): void {
  if (given === undefined || given === currency) return
  const problem = `The wallet of ${owner} spends ${currency}, not ${given}.`
  throw new NornrError("invalid_currency", problem, {
    remedy: "Amounts are never converted: use its currency.",
  })
}
