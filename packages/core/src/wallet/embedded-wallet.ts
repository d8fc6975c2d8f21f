import { type Amended, amendStep } from "../engine/amend.ts"
import { type Answer, type Ask, askStep, previewStep } from "../engine/ask.ts"
import { createEngine, type Engine } from "../engine/engine.ts"
import { type Ended, type Ending, endStep } from "../engine/outcome.ts"
import { cancelStep } from "../engine/review.ts"
import { NornrError } from "../error/nornr-error.ts"
import { atEdge } from "../input/at-edge.ts"
import { defined } from "../input/defined.ts"
import { show } from "../input/show.ts"
import { type Intent, type ParsedIntent, parseIntent } from "../intent/intent.ts"
import type { Step } from "../ledger/ledger.ts"
import type { OpenedLedger } from "../ledger/open-ledger.ts"
import { type Amount, formatMicros, parseAmount } from "../money/money.ts"
import { type Decision, decisionOfSpend, messageOf, type Preview } from "../spend/decision.ts"
import type { Spend } from "../spend/spend.ts"
import { type Clock, isoTime, readClock } from "../time/clock.ts"
import { canonicalJson } from "../trail/canonical.ts"
import { disclosure, keyedDigest } from "../trail/digest.ts"
import type { TrailEvent } from "../trail/event.ts"
import { newId } from "../trail/id.ts"
import type { VerifyOptions } from "../trail/verify.ts"
import { type Balance, balanceStep, parseSince } from "./balance.ts"
import { type AgentOptions, parseAgent } from "./options.ts"
import { readTrail, type TrailQuery } from "./read-trail.ts"
import { verifyWallet, type WalletReport } from "./verify-wallet.ts"

import type { DecisionRef, Wallet } from "./wallet.ts"

interface Identity {
  readonly owner: string
  readonly currency: string
  /** Whether code that holds this object may set terms. */
  readonly mayAmend: boolean
}

interface Session extends Identity {
  readonly engine: Engine
  readonly clock: () => number
  readonly opened: OpenedLedger
}

export async function openWallet(
  opened: OpenedLedger,
  clock: Clock | undefined,
  identify: (engine: Engine) => Promise<Identity>,
): Promise<Wallet> {
  const now = clock === undefined ? Date.now : () => readClock(clock)
  const engine = engineFor(opened, clock, now)
  try {
    return new EmbeddedWallet({ ...(await identify(engine)), engine, clock: now, opened })
  } catch (error) {
    await opened.release()
    throw error
  }
}

/** Wallets on one ledger share an engine, so that their commits are gathered; each injected clock has its own. */
const engines = new WeakMap<object, WeakMap<object, Engine>>()
const systemClock = {}

function engineFor({ ledger }: OpenedLedger, clock: Clock | undefined, now: () => number): Engine {
  const ofLedger = engines.get(ledger) ?? new WeakMap<object, Engine>()
  engines.set(ledger, ofLedger)
  const engine = ofLedger.get(clock ?? systemClock) ?? createEngine({ ledger, clock: now })
  ofLedger.set(clock ?? systemClock, engine)
  return engine
}

class EmbeddedWallet implements Wallet {
  readonly owner: string
  readonly agent?: string
  readonly #session: Session
  /** Sets the agent's terms before its first call; shared by all calls. */
  readonly #prepare: (() => Promise<unknown>) | undefined
  #prepared: Promise<unknown> | undefined
  #closed = false

  constructor(session: Session, agent?: string, prepare?: () => Promise<unknown>) {
    this.owner = session.owner
    if (agent !== undefined) this.agent = agent
    this.#session = session
    this.#prepare = prepare
  }

  async pay(intent: Intent): Promise<Decision> {
    const { engine, clock } = await this.#open()
    const parsed = this.#parse(intent)
    const ask = this.#ask(parsed, clock())
    const { spend, replayed } = await engine.commit<Answer>(this.owner, askStep(ask), {
      signal: parsed.signal,
      undo: (answer) => (answer.replayed ? undefined : cancelStep(answer.spend.id, { withdraw: true })),
    })
    return decisionOfSpend(spend, this.owner, replayed)
  }

  async check(intent: Intent): Promise<Preview> {
    const { engine } = await this.#open()
    const parsed = this.#parse(intent)
    const { status, reasons } = await engine.read(this.owner, previewStep(parsed))
    const { micros, currency, to, purpose, tags, run } = parsed
    const asked = { amount: formatMicros(micros), currency, to, purpose, tags, run, reasons }
    return { status, requiresApproval: status === "queued", ...asked, message: messageOf(status, asked) }
  }

  async settle(decision: DecisionRef, amount?: Amount): Promise<Decision> {
    const { currency } = this.#session
    if (amount === undefined) return this.#end(decision, { action: "settle" })
    const money = atEdge("amount", "invalid_amount", () => parseAmount(amount, "amount", currency))
    requireCurrency(this.owner, currency, money.currency)
    return this.#end(decision, { action: "settle", cost: money.micros })
  }

  async release(decision: DecisionRef): Promise<Decision> {
    return this.#end(decision, { action: "release" })
  }

  async cancel(decision: DecisionRef): Promise<Decision> {
    const { engine } = await this.#open()
    const spend = await engine.commit(this.owner, cancelStep(idOf(decision)))
    return decisionOfSpend(spend, this.owner)
  }

  async decision(idOrKey: string): Promise<Decision | undefined> {
    const { engine } = await this.#open()
    const name = idOf(idOrKey)
    const step: Step<Spend | undefined> = {
      reads: () => ({ ids: [name], keys: [name] }),
      work: (facts) => ({ result: facts.spend(name) ?? facts.spendByKey(name) }),
    }
    const spend = await engine.read(this.owner, step)
    return spend && decisionOfSpend(spend, this.owner)
  }

  async balance(): Promise<Balance> {
    const { engine } = await this.#open()
    return engine.read(this.owner, balanceStep(this.agent))
  }

  async *trail({
    thread,
    agent = this.agent,
    since,
  }: TrailQuery = {}): AsyncGenerator<TrailEvent, void, undefined> {
    const from = parseSince(since)
    const { engine } = await this.#open()
    yield* readTrail(engine, this.owner, { thread, agent, since: from })
  }

  async verify(options: VerifyOptions = {}): Promise<WalletReport> {
    const { engine } = await this.#open()
    return verifyWallet(engine, this.owner, options)
  }

  forAgent(name: string, options?: AgentOptions): Wallet {
    const session = this.#session
    const agent = atEdge("The terms", "invalid_option", () => parseAgent(name, options, session.currency))
    const { terms, version: codeVersion } = agent
    if (terms === undefined) return new EmbeddedWallet(session, agent.name)
    if (!session.mayAmend) {
      const problem = `Wallet.connect never writes a mandate, so agent ${show(name)} cannot be given terms here.`
      throw new NornrError("invalid_option", problem, { remedy: "Set them where Wallet.create runs." })
    }
    return new EmbeddedWallet(session, agent.name, async () => {
      const amendment = { wallet: session.owner, agent: agent.name, terms, codeVersion }
      warnIfOverruled(await session.engine.commit(session.owner, amendStep(amendment)), `agent ${agent.name}`)
    })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.agent === undefined) await this.#session.opened.release()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #open(): Promise<Session> {
    if (this.#closed) {
      const remedy = "Open it again with Wallet.create or Wallet.connect."
      throw new NornrError("wallet_closed", `The wallet of ${this.owner} was closed.`, { remedy })
    }
    if (this.#prepare === undefined) return this.#session
    this.#prepared ??= this.#prepare().catch((error: unknown) => {
      this.#prepared = undefined
      throw error
    })
    await this.#prepared
    return this.#session
  }

  #parse(intent: Intent): ParsedIntent {
    return atEdge("The intent", "invalid_intent", () =>
      parseIntent(intent, this.#session.currency, this.agent),
    )
  }

  #ask(intent: ParsedIntent, now: number): Ask {
    const { args, purpose, key } = intent
    return {
      intent,
      id: newId("dec", now),
      approvalId: newId("apr", now),
      texts: defined({
        purpose: disclosure(purpose),
        args: args === undefined ? undefined : disclosure(args),
      }),
      binding:
        key === undefined ? undefined : keyedDigest(this.#session.opened.ledger.secret, bindingText(intent)),
      governed: false,
    }
  }

  async #end(decision: DecisionRef, ending: Ending): Promise<Decision> {
    const { engine } = await this.#open()
    const { spend, replayed } = await engine.commit<Ended>(
      this.owner,
      endStep(idOf(decision), ending, "caller"),
    )
    return decisionOfSpend(spend, this.owner, replayed)
  }
}

/** What a key stands for: a repeat must ask for exactly this. */
function bindingText({ micros, currency, to, purpose, tags, run, args }: ParsedIntent): string {
  const { agent = null, tool = null } = run
  return canonicalJson([agent, tool, String(micros), currency, to, purpose, tags, args ?? null], "intent")
}

function idOf(decision: unknown): string {
  const id: unknown =
    typeof decision === "object" && decision !== null && "id" in decision ? decision.id : decision
  if (typeof id === "string" && id.length > 0 && id.length <= 512 && id.isWellFormed()) return id
  const remedy = "Pass a decision or its id."
  throw new NornrError("decision_not_found", `${show(decision)} is no decision.`, { remedy })
}

export function requireCurrency(owner: string, currency: string, given: string | undefined): void {
  if (given === undefined || given === currency) return
  const problem = `The wallet of ${owner} spends ${currency}, not ${given}.`
  throw new NornrError("invalid_currency", problem, {
    remedy: "Amounts are never converted: use its currency.",
  })
}

export function warnIfOverruled({ outcome, row }: Amended, whose: string): void {
  if (outcome !== "overruled") return
  const message = `nornr: the terms in code for ${whose} are ignored: ${row.reviewer} set its mandate (version ${row.version}) at ${isoTime(row.setAt)}.`
  globalThis.process?.emitWarning?.(message, { type: "NornrWarning", code: "mandate_overruled" })
}
