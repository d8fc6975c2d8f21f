import { amendStep } from "../engine/amend.ts"
import type { Engine } from "../engine/engine.ts"
import { currencyStep } from "../engine/standing.ts"
import type { GovernedCall } from "../govern/call.ts"
import type { CurrentSpend } from "../govern/current-spend.ts"
import type { StreamRun } from "../govern/govern-stream.ts"
import type { Outcome } from "../govern/outcome.ts"
import { atEdge } from "../input/at-edge.ts"
import type { Intent } from "../intent/intent.ts"
import { openLedger } from "../ledger/open-ledger.ts"
import type { Amount } from "../money/money.ts"
import type { NotificationKind, Notifications } from "../notify/notification.ts"
import type { Decision, Preview } from "../spend/decision.ts"
import type { Evidence } from "../spend/evidence.ts"
import type { TrailEvent } from "../trail/event.ts"
import type { TrailReport, VerifyOptions } from "../trail/verify.ts"
import type { Balance } from "./balance.ts"
import type { DecisionRef } from "./decision-ref.ts"
import { openWallet, warnIfIgnored } from "./embedded-wallet.ts"
import {
  type AgentOptions,
  type ConnectOptions,
  type CreateOptions,
  parseConnect,
  parseCreate,
} from "./options.ts"
import type { TrailQuery } from "./read-trail.ts"
import type { WaitOptions } from "./reviewed.ts"

/**
 * The budget of one owner, as an agent may use it: it asks, settles and reads, and never approves.
 * Every method throws only `NornrError`; a denial is a decision.
 */
export interface Wallet {
  readonly owner: string
  /** The agent whose view of the wallet this is. */
  readonly agent?: string
  /**
   * Asks for a decision and commits it; nothing else happens. Without an idempotency key each call is a new
   * spend; with one, a repeat gives the same decision, marked `replayed`.
   * @throws {NornrError} `invalid_intent`, `invalid_amount`, `invalid_currency`, `key_conflict`, `aborted`,
   * `clock_behind`, `ledger_*`
   */
  pay(intent: Intent): Promise<Decision>
  /**
   * Decides a call, runs the tool once where it may run, and records how it ended, in two durable commits. A
   * repeat of its key gets what the first came to: the recorded result, the refusal, the run that is under way. A
   * denial is an outcome; what the tool throws is one, too.
   * @throws {NornrError} as `pay`; then the tool did not run
   */
  govern<T>(call: GovernedCall<T>, run: (spend: CurrentSpend) => T | PromiseLike<T>): Promise<Outcome<T>>
  /**
   * Decides a call ahead of its run, where a framework asks first and runs later: `govern` with the same key then
   * runs it, or gives the refusal. An approval that nobody runs lapses after 15 minutes. Throws as `pay`.
   */
  ask(call: GovernedCall): Promise<Decision>
  /**
   * As `govern` for a tool that streams: it is decided at the first `next()`, its chunks pass through, and the
   * outcome is what the stream returns. An abandoned stream has failed, and its amount stays held.
   */
  governStream<Y, T>(call: GovernedCall<T>, run: StreamRun<Y, T>): AsyncGenerator<Y, Outcome<T>, undefined>
  /** The verdict that `pay` would give now, to a key's repeat too. Leaves no trace. Throws as `pay`. */
  check(intent: Intent): Promise<Preview>
  /**
   * Ends a decision of `pay`: it cost this much; by default, what it held. Less frees the rest, more counts in
   * full. A repeat with the same amount gives the same answer. An agent's wallet ends its own decisions alone.
   * @throws {NornrError} `decision_not_found`, `state_conflict`, `desk_only`, `invalid_amount`
   */
  settle(decision: DecisionRef, amount?: Amount): Promise<Decision>
  /** Ends a decision of `pay`: it cost nothing. Throws as `settle`. */
  release(decision: DecisionRef): Promise<Decision>
  /**
   * Ends a decision that nobody will resume, before it runs: it reads `rejected` from then on.
   * @throws {NornrError} `decision_not_found`, `state_conflict`
   */
  cancel(decision: DecisionRef): Promise<Decision>
  /**
   * Puts on record what shows that a paid step was what it was: an invoice, a vendor's receipt, the digest of a file.
   * The same again, without a note, changes nothing. An agent's wallet attaches to its own decisions alone.
   * @throws {NornrError} `invalid_option`, `decision_not_found`, `state_conflict` beyond 100 a decision
   */
  attach(decision: DecisionRef, evidence: Evidence): Promise<Decision>
  /** The decision of an id or an idempotency key, as it is now. */
  decision(idOrKey: string): Promise<Decision | undefined>
  /**
   * Waits until a queued decision is reviewed, here or in another process, or expires.
   * @throws {NornrError} `decision_not_found`, `aborted`, `wallet_closed`
   */
  waitForDecision(decision: DecisionRef, options?: WaitOptions): Promise<Decision>
  /**
   * Decisions that were queued and are approved, rejected or expired now, beginning with those that nobody has
   * taken up: resume the thread of each. One is leased to one watcher at a time, and no other of its thread with
   * it; asking for the next item says that the last one is done, and one whose watcher died comes again. Ends
   * when the signal is aborted or the wallet closed.
   * @throws {NornrError} `invalid_option`, `ledger_*`: start it again then, nothing is lost
   */
  reviewed(options?: WaitOptions): AsyncGenerator<Decision, void, undefined>
  /** The decisions that wait for a reviewer, oldest first; of an agent's wallet, its own. */
  queued(query?: QueuedQuery): Promise<readonly Decision[]>
  /**
   * Calls back for what is committed from now on, by whatever process: decisions that are `queued` or `resolved`,
   * `overage`, `unknown` outcomes, and `nearing` limits (80 and 95 per cent). Gives the stop. A listener does not keep
   * the process alive; what it throws is its own. Of an agent's wallet, its own decisions and limits.
   * @throws {NornrError} `invalid_option`, `wallet_closed`
   */
  on<K extends NotificationKind>(kind: K, listener: (notification: Notifications[K]) => void): () => void
  /** Every limit with what is held, settled and left. */
  balance(): Promise<Balance>
  /**
   * The events of the wallet, oldest first; of an agent's wallet, its own.
   * @throws {NornrError} `invalid_option`
   */
  trail(query?: TrailQuery): AsyncIterable<TrailEvent>
  /**
   * Checks the whole trail and compares what its events imply with the ledger's tables.
   * @throws {NornrError} `invalid_option` for receipts that are none
   */
  verify(options?: VerifyOptions): Promise<TrailReport>
  /**
   * The same wallet for one agent of a team: its name on every decision and, with terms, limits of its own on
   * top of the wallet's. They narrow, never widen, and are set at once; terms given later replace these.
   * @throws {NornrError} what parsing terms throws; `invalid_option` for terms on a connected wallet and
   * for another agent on an agent's
   */
  forAgent(name: string, terms?: AgentOptions): Wallet
  /**
   * Lets go of the ledger, when what it was told to set and withdraw is done and the tools that it runs have
   * ended. Calls afterwards throw `wallet_closed`, those of its agents' wallets too.
   * @throws {NornrError} where the terms of an agent could not be set
   */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Which of the decisions that wait. */
export interface QueuedQuery {
  /** Of this conversation alone. */
  readonly thread?: string | undefined
}

export const Wallet: {
  /**
   * Opens the owner's wallet, or makes it. Terms that are left out stay as they are; null removes one.
   * @throws {NornrError} `invalid_*`, `no_limit`, `mandate_conflict`, `ledger_*`, `unsupported`
   */
  create(options: CreateOptions): Promise<Wallet>
  /**
   * Opens the owner's wallet and never writes a mandate.
   * @throws {NornrError} `invalid_option`, `wallet_not_found`, `ledger_*`, `unsupported`
   */
  connect(options: ConnectOptions): Promise<Wallet>
} = {
  async create(options) {
    const parsed = atEdge("The options", "invalid_option", () => parseCreate(options))
    const { owner, place, clock, terms, version, currency, notify } = parsed
    const identify = async (engine: Engine) => {
      const create = { currency: currency ?? "USD" }
      const amendment = { wallet: owner, terms, codeVersion: version, create, currency }
      const amended = await engine.commit(owner, amendStep(amendment))
      warnIfIgnored(amended, `wallet ${owner}`, version)
      return { owner, currency: amended.currency, mayAmend: true }
    }
    return openWallet(await openLedger(place), clock, identify, { notify })
  },
  async connect(options) {
    const { owner, place, clock, notify } = atEdge("The options", "invalid_option", () =>
      parseConnect(options),
    )
    const identify = async (engine: Engine) => {
      const currency = await engine.read(owner, currencyStep)
      return { owner, currency, mayAmend: false }
    }
    return openWallet(await openLedger(place, { mayCreate: false }), clock, identify, { notify })
  },
}
