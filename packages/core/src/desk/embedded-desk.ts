import { readCheckpointKey } from "../checkpoint/key-file.ts"
import { amendStep, type ControlAct, controlStep, requireCurrency } from "../engine/amend.ts"
import type { Told } from "../engine/change.ts"
import { checkpointKeyStep } from "../engine/checkpoint-key.ts"
import { resetClockStep } from "../engine/clock-reset.ts"
import { attachStep } from "../engine/evidence.ts"
import { listStep } from "../engine/lookup.ts"
import { adjustStep, type Ending, endStep } from "../engine/outcome.ts"
import { type Redactable, redactStep } from "../engine/redact.ts"
import { type Review, reviewStep } from "../engine/review.ts"
import { type Actor, requireOther } from "../engine/reviewer.ts"
import { currencyStep, walletNotFound } from "../engine/standing.ts"
import { NornrError } from "../error/nornr-error.ts"
import { textOf } from "../govern/outcome.ts"
import { replayError } from "../govern/recorded.ts"
import { warn } from "../govern/warn.ts"
import { atEdge } from "../input/at-edge.ts"
import { fieldsOf } from "../input/fields.ts"
import type { Step } from "../ledger/ledger.ts"
import { agentTermNames, mandateTermNames, parseTerms } from "../mandate/parse-terms.ts"
import type { MandateTerms } from "../mandate/terms.ts"
import { type Amount, parseAmount } from "../money/money.ts"
import { decisionOfSpend } from "../spend/decision.ts"
import { type Evidence, parseEvidence } from "../spend/evidence.ts"
import type { Ended, Spend, SpendList } from "../spend/spend.ts"
import { realPause } from "../time/real-timer.ts"
import type { Json } from "../trail/canonical.ts"
import { parsePinnedKey } from "../trail/note.ts"
import { type DecisionRef, idOf } from "../wallet/decision-ref.ts"
import type { Connection } from "../wallet/session.ts"
import {
  parseComment,
  parseReason,
  parseRedaction,
  parseSubject,
  requireAgent,
  requireSaid,
} from "./options.ts"
import type { ReviewDecision, ReviewDesk, Said, Subject } from "./review-desk.ts"

/** How many wallets are asked at once for a decision or a list. */
const together = 200

export class EmbeddedDesk implements ReviewDesk {
  readonly reviewer: string
  readonly #connection: Connection
  readonly #actor: Actor
  readonly #owner: string | undefined

  constructor(connection: Connection, actor: Actor, owner: string | undefined) {
    this.reviewer = actor.name
    this.#connection = connection
    this.#actor = actor
    this.#owner = owner
  }

  /** @throws {NornrError} `wallet_not_found`, `reviewer_refused` */
  async requireOwner(): Promise<void> {
    if (this.#owner === undefined) return
    if (!(await this.#wallets()).includes(this.#owner)) throw walletNotFound(this.#owner)
    await this.#connection.engine.read(this.#owner, {
      reads: () => ({}),
      work: ({ head }) => ({ result: requireOther(this.#actor, head, undefined) }),
    })
  }

  pending(): Promise<readonly ReviewDecision[]> {
    return this.#listed("queued")
  }

  unknown(): Promise<readonly ReviewDecision[]> {
    return this.#listed("unknown")
  }

  failed(): Promise<readonly ReviewDecision[]> {
    return this.#listed("failed")
  }

  async decision(id: string): Promise<ReviewDecision | undefined> {
    const found = await this.#find(idOf(id))
    return found && reviewDecision(found.spend, found.wallet)
  }

  approve(decision: DecisionRef, said: Said = {}): Promise<ReviewDecision> {
    return this.#review(decision, "approve", said)
  }

  reject(decision: DecisionRef, said: Said = {}): Promise<ReviewDecision> {
    return this.#review(decision, "reject", said)
  }

  async settle(decision: DecisionRef, amount?: Amount, said: Said = {}): Promise<ReviewDecision> {
    return this.#end(decision, said, (currency, owner) => {
      if (amount === undefined) return { action: "settle" }
      return { action: "settle", cost: costOf(amount, "amount", currency, owner) }
    })
  }

  async release(decision: DecisionRef, said: Said = {}): Promise<ReviewDecision> {
    return this.#end(decision, said, () => ({ action: "release" }))
  }

  async adjust(
    decision: DecisionRef,
    total: Amount,
    why: { readonly reason: string },
  ): Promise<ReviewDecision> {
    const remark = parseReason(why)
    const { wallet, spend } = await this.#known(decision)
    const cost = costOf(total, "total", spend.currency, wallet)
    return this.#ended(wallet, adjustStep(spend.id, cost, { actor: this.#actor, remark }))
  }

  async attach(decision: DecisionRef, evidence: Evidence): Promise<ReviewDecision> {
    const parsed = atEdge("The evidence", "invalid_option", () => parseEvidence(evidence, ""))
    const { wallet, spend } = await this.#known(decision)
    return this.#ended(wallet, attachStep(spend.id, parsed, { actor: this.#actor }))
  }

  async redact(
    decision: DecisionRef,
    why: { readonly reason: string; readonly texts?: readonly Redactable[] | undefined },
  ): Promise<ReviewDecision> {
    const { names, remark } = atEdge("The texts", "invalid_option", () => parseRedaction(why))
    const { wallet, spend } = await this.#known(decision)
    const ended = await this.#ended(wallet, redactStep(spend.id, names, { actor: this.#actor, remark }))
    await this.#wipe()
    return ended
  }

  /** What was deleted stays in the log while somebody reads the ledger at length: then it goes with a later commit. */
  async #wipe(): Promise<void> {
    const { engine, clock } = this.#connection
    for (let turn = 0; turn < 20; turn++) {
      if (!(await engine.ledger.forget(clock()))) return
      await realPause(100)
    }
    warn(
      "not_wiped_yet",
      "what was redacted stays in the ledger's log until those who read it now have ended and the ledger is used again.",
    )
  }

  async recordCheckpointKey(
    publicKey: string,
    what: { readonly previous?: string | undefined } = {},
  ): Promise<void> {
    const { previous } = atEdge("The options", "invalid_option", () => {
      parsePinnedKey(publicKey, "publicKey")
      const fields = fieldsOf(what, { path: "", code: "invalid_option", allowed: ["previous"] })
      return { previous: fields.get("previous") }
    })
    const old = previous === undefined ? undefined : await readCheckpointKey(previous)
    const step = checkpointKeyStep(publicKey, old, this.#actor)
    // In all wallets or in none: what one of them refuses is found before anything is written.
    const told = await this.#each((wallet) => this.#connection.engine.read(wallet, step))
    if (told.length === 0) throw walletNotFound(this.#owner ?? "anybody")
    await this.#each((wallet) => this.#connection.engine.commit(wallet, step))
  }

  owners(): Promise<readonly string[]> {
    return this.#wallets()
  }

  async freeze(what: Subject & { readonly mode?: "freeze" | "review_only" | undefined } = {}): Promise<void> {
    const { mode = "freeze", ...subject } = parseSubject(what, ["owner", "agent", "mode"])
    await this.#control(subject, mode)
  }

  async unfreeze(what: Subject = {}): Promise<void> {
    await this.#control(parseSubject(what, ["owner", "agent"]), "unfreeze")
  }

  async revoke(agent: string, what: Pick<Subject, "owner"> = {}): Promise<void> {
    await this.#control({ ...parseSubject(what, ["owner"]), ...requireAgent(agent) }, "revoke")
  }

  async reinstate(agent: string, what: Pick<Subject, "owner"> = {}): Promise<void> {
    await this.#control({ ...parseSubject(what, ["owner"]), ...requireAgent(agent) }, "reinstate")
  }

  async amend(terms: MandateTerms, what: Subject = {}): Promise<void> {
    const { owner, agent } = parseSubject(what, ["owner", "agent"])
    const wallet = await this.#wallet(owner)
    const names = agent === undefined ? mandateTermNames : agentTermNames
    const currency = await this.#connection.engine.read(wallet, currencyStep)
    const patch = atEdge("The terms", "invalid_mandate", () => parseTerms(terms, names, currency))
    const amendment = { wallet, agent, terms: patch, codeVersion: 0, actor: this.#actor }
    await this.#connection.engine.commit(wallet, amendStep(amendment))
  }

  async resetClock(reason: string, what: Pick<Subject, "owner"> = {}): Promise<void> {
    const remark = requireSaid(reason, "reason")
    const owner = await this.#wallet(parseSubject(what, ["owner"]).owner)
    await this.#connection.engine.commit(owner, resetClockStep({ actor: this.#actor, remark }))
  }

  async close(): Promise<void> {
    this.#connection.closing.abort()
    await this.#connection.opened.release()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #review(decision: DecisionRef, verdict: Review["verdict"], said: Said): Promise<ReviewDecision> {
    const comment = parseComment(said)
    const { wallet, spend } = await this.#known(decision)
    return this.#ended(wallet, reviewStep({ id: spend.id, verdict, actor: this.#actor, comment }))
  }

  async #end(
    decision: DecisionRef,
    said: Said,
    ending: (currency: string, owner: string) => Ending,
  ): Promise<ReviewDecision> {
    const told: Told = { actor: this.#actor, remark: parseComment(said) }
    const { wallet, spend } = await this.#known(decision)
    return this.#ended(wallet, endStep(spend.id, ending(spend.currency, wallet), told))
  }

  async #ended(wallet: string, step: Step<Ended>): Promise<ReviewDecision> {
    const { spend, replayed } = await this.#connection.engine.commit(wallet, step)
    return reviewDecision(spend, wallet, replayed)
  }

  /** What is on a list, with what is due applied, and committed so that all see it. */
  async #listed(list: SpendList): Promise<readonly ReviewDecision[]> {
    const found = await this.#each((wallet) => this.#connection.engine.commit(wallet, listStep(list)))
    return found.flatMap(({ wallet, answer }) => answer.map((spend) => reviewDecision(spend, wallet)))
  }

  async #known(decision: DecisionRef): Promise<{ readonly wallet: string; readonly spend: Spend }> {
    const id = idOf(decision)
    const found = await this.#find(id)
    if (found !== undefined) return found
    const remedy = id.startsWith("apr_")
      ? "Pass the id of the decision (dec_…), not of its approval."
      : "Check the id and the ledger; desk.pending() lists what waits."
    throw new NornrError("decision_not_found", `There is no decision ${JSON.stringify(id)}.`, { remedy })
  }

  async #find(id: string): Promise<{ readonly wallet: string; readonly spend: Spend } | undefined> {
    const step: Step<Spend | undefined> = {
      reads: () => ({ ids: [id] }),
      work: (facts) => ({ result: facts.spend(id) }),
    }
    const found = await this.#each((wallet) => this.#connection.engine.read(wallet, step))
    for (const { wallet, answer } of found) if (answer !== undefined) return { wallet, spend: answer }
    return undefined
  }

  async #each<R>(
    ask: (wallet: string) => Promise<R>,
  ): Promise<readonly { readonly wallet: string; readonly answer: R }[]> {
    const wallets = await this.#wallets()
    const answers: { readonly wallet: string; readonly answer: R }[] = []
    for (let at = 0; at < wallets.length; at += together) {
      const some = wallets.slice(at, at + together)
      answers.push(
        ...(await Promise.all(some.map(async (wallet) => ({ wallet, answer: await ask(wallet) })))),
      )
    }
    return answers
  }

  /** The wallets that this desk is for. */
  async #wallets(): Promise<readonly string[]> {
    if (this.#connection.closing.signal.aborted) throw closedDesk()
    const all = await this.#connection.engine.ledger.wallets()
    return this.#owner === undefined ? all : all.filter((wallet) => wallet === this.#owner)
  }

  /** The one wallet that an act is about. */
  async #wallet(named: string | undefined): Promise<string> {
    const wallets = await this.#wallets()
    if (named !== undefined && !wallets.includes(named)) throw walletNotFound(named)
    const [owner, second] = named === undefined ? wallets : [named]
    if (owner !== undefined && second === undefined) return owner
    const known = wallets.slice(0, 10).join(", ")
    const remedy = second === undefined ? "Make one with Wallet.create." : `Name the owner, such as ${known}.`
    throw new NornrError("invalid_option", `The ledger has ${wallets.length} wallets.`, { remedy })
  }

  async #control({ owner, agent }: Subject, act: ControlAct): Promise<void> {
    const wallet = await this.#wallet(owner)
    await this.#connection.engine.commit(wallet, controlStep(agent, act, this.#actor))
  }
}

function reviewDecision(spend: Spend, wallet: string, replayed = false): ReviewDecision {
  const decision = decisionOfSpend(spend, wallet, replayed)
  const { args, error } = spend.texts ?? {}
  return {
    ...decision,
    ...(args !== undefined && { args: JSON.parse(args.value) as Json }),
    ...(error?.value !== undefined && { error: textOf(replayError(error, spend.id)) }),
  }
}

function closedDesk(): NornrError {
  const remedy = "Open it again with ReviewDesk.open."
  return new NornrError("wallet_closed", "The review desk was closed.", { remedy })
}

function costOf(amount: Amount, field: string, currency: string, owner: string): bigint {
  const money = atEdge(field, "invalid_amount", () => parseAmount(amount, field, currency))
  requireCurrency(owner, currency, money.currency)
  return money.micros
}
