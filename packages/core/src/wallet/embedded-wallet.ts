import { type Amended, amendStep, requireCurrency } from "../engine/amend.ts"
import { type Answer, askStep, previewStep } from "../engine/ask.ts"
import { draftAsk } from "../engine/draft.ts"
import type { Engine } from "../engine/engine.ts"
import { attachStep } from "../engine/evidence.ts"
import { listStep } from "../engine/lookup.ts"
import { type Ending, endStep } from "../engine/outcome.ts"
import { cancelStep, withdrawStep } from "../engine/review.ts"
import { NornrError } from "../error/nornr-error.ts"
import { askAhead, prepare } from "../govern/admit.ts"
import type { GovernedCall } from "../govern/call.ts"
import { type CurrentSpend, currentFrame } from "../govern/current-spend.ts"
import { govern } from "../govern/govern.ts"
import { governStream, type StreamRun } from "../govern/govern-stream.ts"
import type { Outcome } from "../govern/outcome.ts"
import { atEdge } from "../input/at-edge.ts"
import { asName, fieldsOf } from "../input/fields.ts"
import { show } from "../input/show.ts"
import { type Intent, type ParsedIntent, parseIntent } from "../intent/intent.ts"
import type { Step } from "../ledger/ledger.ts"
import type { OpenedLedger } from "../ledger/open-ledger.ts"
import { type Amount, formatMicros, parseAmount } from "../money/money.ts"
import { type NotificationKind, type Notifications, notificationKinds } from "../notify/notification.ts"
import { listenerOf, Notifier } from "../notify/notifier.ts"
import { Delivery, type NotifyTarget } from "../notify/targets.ts"
import { type Decision, decisionOfSpend, messageOf, type Preview } from "../spend/decision.ts"
import { type Evidence, parseEvidence } from "../spend/evidence.ts"
import type { Ended, Spend } from "../spend/spend.ts"
import { type Clock, isoTime } from "../time/clock.ts"
import { canonicalJson } from "../trail/canonical.ts"
import { keyedDigest } from "../trail/digest.ts"
import type { TrailEvent } from "../trail/event.ts"
import type { TrailReport, VerifyOptions } from "../trail/verify.ts"
import { type Balance, balanceStep } from "./balance.ts"
import { type DecisionRef, idOf } from "./decision-ref.ts"
import { enlist } from "./open-wallets.ts"
import { type AgentOptions, parseAgent } from "./options.ts"
import { parseQuery, readTrail, type TrailQuery } from "./read-trail.ts"
import { parseWait, reviewed, type WaitOptions, waitForDecision } from "./reviewed.ts"
import { closedError, connectionOf, type Identity, type Session } from "./session.ts"
import { verifyWallet } from "./verify-wallet.ts"
import type { QueuedQuery, Wallet } from "./wallet.ts"

export async function openWallet(
  opened: OpenedLedger,
  clock: Clock | undefined,
  identify: (engine: Engine) => Promise<Identity>,
  {
    onQueued,
    notify = [],
  }: { readonly onQueued?: Session["onQueued"]; readonly notify?: readonly NotifyTarget[] } = {},
): Promise<Wallet> {
  const connection = connectionOf(opened, clock)
  try {
    const identity = await identify(connection.engine)
    const notifier = new Notifier({ ...identity, ...connection })
    const deliveries = notify.map((target) => new Delivery(target))
    for (const { tell } of deliveries) notifier.listen(tell)
    const wallet = new EmbeddedWallet({
      ...identity,
      ...connection,
      notifier,
      deliveries,
      terms: new Map(),
      running: new Set(),
      asking: new Map(),
      onQueued,
    })
    connection.closing.signal.addEventListener("abort", enlist(identity.owner, wallet))
    return wallet
  } catch (error) {
    await opened.release()
    throw error
  }
}

class EmbeddedWallet implements Wallet {
  readonly owner: string
  readonly agent?: string
  readonly #session: Session
  #closed = false
  #closing: Promise<void> | undefined
  /** Stops of listeners that were added through this object. */
  readonly #listening = new Set<() => void>()

  constructor(session: Session, agent?: string) {
    this.owner = session.owner
    if (agent !== undefined) this.agent = agent
    this.#session = session
  }

  async pay(intent: Intent): Promise<Decision> {
    const parsed = this.#parse(intent)
    const { engine, clock } = await this.#open(parsed.run.agent)
    const ask = draftAsk(parsed, clock(), { binding: this.#binding(parsed), governed: false })
    const { spend, replayed } = await engine.commit<Answer>(this.owner, askStep(ask), {
      signal: parsed.signal,
      undo: ({ spend: made }) => withdrawStep(made.id, made.previous),
    })
    const decision = decisionOfSpend(spend, this.owner, replayed)
    const { onQueued } = this.#session
    if (decision.status !== "queued" || onQueued === undefined) return decision
    await onQueued(decision)
    return (await this.decision(decision.id)) ?? decision
  }

  async govern<T>(
    call: GovernedCall<T>,
    run: (spend: CurrentSpend) => T | PromiseLike<T>,
  ): Promise<Outcome<T>> {
    return govern(await this.#openFor(call), this.agent, call, run)
  }

  async ask(call: GovernedCall): Promise<Decision> {
    return askAhead(prepare(await this.#openFor(call), this.agent, call))
  }

  async *governStream<Y, T>(
    call: GovernedCall<T>,
    run: StreamRun<Y, T>,
  ): AsyncGenerator<Y, Outcome<T>, undefined> {
    return yield* governStream(await this.#openFor(call), this.agent, call, run)
  }

  async check(intent: Intent): Promise<Preview> {
    const parsed = this.#parse(intent)
    const { engine } = await this.#open(parsed.run.agent)
    const { status, reasons } = await engine.read(this.owner, previewStep(parsed, this.#binding(parsed)))
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
    const { spend, replayed } = await engine.commit(this.owner, cancelStep(idOf(decision), this.agent))
    return decisionOfSpend(spend, this.owner, replayed)
  }

  async attach(decision: DecisionRef, evidence: Evidence): Promise<Decision> {
    const parsed = atEdge("The evidence", "invalid_option", () => parseEvidence(evidence, ""))
    const { engine } = await this.#open()
    const step = attachStep(idOf(decision), parsed, { caller: this.agent })
    const { spend, replayed } = await engine.commit(this.owner, step)
    return decisionOfSpend(spend, this.owner, replayed)
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

  async waitForDecision(decision: DecisionRef, options: WaitOptions = {}): Promise<Decision> {
    const session = await this.#open()
    return waitForDecision(session, idOf(decision), parseWait(options))
  }

  async *reviewed(options: WaitOptions = {}): AsyncGenerator<Decision, void, undefined> {
    const signal = parseWait(options)
    yield* reviewed(await this.#open(), this.agent, signal)
  }

  async queued(query: QueuedQuery = {}): Promise<readonly Decision[]> {
    const thread = atEdge("The query", "invalid_option", () =>
      fieldsOf(query, { path: "", code: "invalid_option", allowed: ["thread"] }).text("thread", 256),
    )
    const { engine } = await this.#open()
    const waiting = await engine.read(this.owner, listStep("queued"))
    return waiting
      .filter(({ run }) => this.agent === undefined || run.agent === this.agent)
      .filter(({ run }) => thread === undefined || run.thread === thread)
      .map((spend) => decisionOfSpend(spend, this.owner))
  }

  on<K extends NotificationKind>(kind: K, listener: (notification: Notifications[K]) => void): () => void {
    this.#requireOpen()
    const stop = this.#session.notifier.listen(parseListener(kind, this.agent, listener))
    this.#listening.add(stop)
    return () => {
      this.#listening.delete(stop)
      stop()
    }
  }

  async balance(): Promise<Balance> {
    const { engine } = await this.#open()
    return engine.read(this.owner, balanceStep(this.agent))
  }

  async *trail(query: TrailQuery = {}): AsyncGenerator<TrailEvent, void, undefined> {
    const parsed = atEdge("The query", "invalid_option", () => parseQuery(query))
    const { engine } = await this.#open()
    yield* readTrail(engine, this.owner, { ...parsed, agent: parsed.agent ?? this.agent })
  }

  async verify(options: VerifyOptions = {}): Promise<TrailReport> {
    const { opened } = await this.#open()
    return verifyWallet(opened.ledger, this.owner, options)
  }

  forAgent(name: string, options?: AgentOptions): Wallet {
    this.#requireOpen()
    const session = this.#session
    const agent = atEdge("The terms", "invalid_option", () => parseAgent(name, options, session.currency))
    if (this.agent !== undefined && (agent.name !== this.agent || agent.terms !== undefined)) {
      const problem = `This is the wallet of agent ${show(this.agent)}, which cannot widen itself or be another's.`
      throw new NornrError("invalid_option", problem, { remedy: "Call forAgent on the owner's wallet." })
    }
    const { terms, version: codeVersion } = agent
    if (terms === undefined) return new EmbeddedWallet(session, agent.name)
    if (!session.mayAmend) {
      const problem = `Wallet.connect never writes a mandate, so agent ${show(name)} cannot be given terms here.`
      throw new NornrError("invalid_option", problem, { remedy: "Set them where Wallet.create runs." })
    }
    const amendment = { wallet: session.owner, agent: agent.name, terms, codeVersion }
    const setTerms = async () => {
      const amended = await session.engine.commit(session.owner, amendStep(amendment))
      warnIfIgnored(amended, `agent ${agent.name}`, codeVersion)
    }
    session.terms.set(agent.name, untilDone(setTerms))
    return new EmbeddedWallet(session, agent.name)
  }

  async close(): Promise<void> {
    if (this.agent === undefined) this.#requireOutside()
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#closed = true
    if (this.agent !== undefined) {
      for (const stop of this.#listening) stop()
      return
    }
    const { engine, terms, opened, running, closing, notifier, deliveries } = this.#session
    closing.abort()
    while (running.size > 0) await Promise.allSettled(running)
    const set = await Promise.allSettled([...terms.values()].map((ready) => ready()))
    // What was aborted is withdrawn before the ledger goes; where it is out of reach, the amount stays held.
    await engine.commit(this.owner, nothing).catch(() => undefined)
    await notifier.close()
    await Promise.all(deliveries.map((delivery) => delivery.close()))
    await opened.release()
    for (const each of set) if (each.status === "rejected") throw each.reason
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** A tool that waited for its own end would wait for ever. */
  #requireOutside(): void {
    const { opened } = this.#session
    for (let frame = currentFrame(); frame !== undefined; frame = frame.outer) {
      if (frame.ledger !== opened.ledger || frame.owner !== this.owner) continue
      const problem = `A tool or a function of its terms cannot close the wallet of ${this.owner} that it runs under.`
      throw new NornrError("state_conflict", problem, { remedy: "Close it when the call has ended." })
    }
  }

  #requireOpen(): void {
    if (this.#closed || this.#session.closing.signal.aborted) throw closedError(this.owner)
  }

  /** The session, once the terms of the agent who spends are set; throws what setting them throws. */
  async #open(agent: string | undefined = this.agent): Promise<Session> {
    this.#requireOpen()
    if (agent !== undefined) await this.#session.terms.get(agent)?.()
    this.#requireOpen()
    return this.#session
  }

  #openFor(call: Pick<GovernedCall, "run">): Promise<Session> {
    const agent = atEdge("The call", "invalid_intent", (): unknown => call?.run?.agent)
    return this.#open(typeof agent === "string" ? asName(agent) : this.agent)
  }

  #parse(intent: Intent): ParsedIntent {
    return atEdge("The intent", "invalid_intent", () =>
      parseIntent(intent, this.#session.currency, this.agent),
    )
  }

  #binding(intent: ParsedIntent): string | undefined {
    if (intent.key === undefined) return undefined
    return keyedDigest(this.#session.opened.ledger.secret, bindingText(intent))
  }

  async #end(decision: DecisionRef, ending: Ending): Promise<Decision> {
    const { engine } = await this.#open()
    const { spend, replayed } = await engine.commit<Ended>(
      this.owner,
      endStep(idOf(decision), ending, { caller: this.agent }),
    )
    return decisionOfSpend(spend, this.owner, replayed)
  }
}

/** @throws {NornrError} `invalid_option` */
function parseListener<K extends NotificationKind>(
  kind: K,
  agent: string | undefined,
  listener: (notification: Notifications[K]) => void,
): ReturnType<typeof listenerOf> {
  if (notificationKinds.includes(kind) && typeof listener === "function")
    return listenerOf(kind, agent, listener)
  const remedy = `Use on(kind, listener) with one of: ${notificationKinds.join(", ")}.`
  throw new NornrError("invalid_option", `on(${show(kind)}, ${show(listener)}) names nothing.`, { remedy })
}

const nothing: Step<void> = { reads: () => ({}), work: () => ({ result: undefined }) }

/** Starts at once; each call waits for it, and tries again where it has failed. */
function untilDone(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  const start = () => {
    running = run()
    running.catch(() => {
      running = undefined
    })
    return running
  }
  void start()
  return () => running ?? start()
}

/** What a key stands for: a repeat must ask for exactly this. */
function bindingText({ micros, currency, to, purpose, tags, run, args }: ParsedIntent): string {
  const { agent = null, tool = null } = run
  return canonicalJson([agent, tool, String(micros), currency, to, purpose, tags, args ?? null], "intent")
}

/** Tells whoever runs the code that its terms are not the ones in force. */
export function warnIfIgnored({ outcome, row }: Amended, whose: string, codeVersion: number): void {
  const unversioned = outcome === "older" && codeVersion === 0
  if (outcome !== "overruled" && !unversioned) return
  const why = unversioned
    ? `terms with version ${row.codeVersion} were set before, and these have none`
    : `${row.reviewer} set its mandate (version ${row.version}) at ${isoTime(row.setAt)}`
  const message = `nornr: the terms in code for ${whose} are ignored: ${why}.`
  globalThis.process?.emitWarning?.(message, { type: "NornrWarning", code: "mandate_terms_ignored" })
}
