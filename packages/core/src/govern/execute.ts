import { leaseTime, renewStep, unclaimStep } from "../engine/claim.ts"
import { type Ending, endStep } from "../engine/outcome.ts"
import { parseAmount } from "../money/money.ts"
import { decisionOfSpend } from "../spend/decision.ts"
import { type ParsedEvidence, parseEvidences } from "../spend/evidence.ts"
import type { Spend } from "../spend/spend.ts"
import { realNow, realPause } from "../time/real-timer.ts"
import { renewing } from "../time/renewing.ts"
import { type Session, untilEnded, whoseOf } from "../wallet/session.ts"
import type { Claimed, Governed } from "./admit.ts"
import type { ParsedCall } from "./call.ts"
import { type CurrentSpend, currentFrame, runInFrame, runTerm, type ToolFrame } from "./current-spend.ts"
import { isNotCharged } from "./not-charged.ts"
import { type Outcome, type Ran, textOf } from "./outcome.ts"
import { recordError, recordResult } from "./recorded.ts"
import { warn } from "./warn.ts"

/** How often a lease is renewed while the tool runs, and a settlement tried again, milliseconds. */
const renewEvery = 20_000
const settleAgain = 500

/** A claim that is being used: it ends once, and its outcome is given even where that cannot be recorded now. */
export interface Running<T> {
  readonly frame: ToolFrame
  /** `stream` where it gave no value but chunks. */
  done(result: T, stream?: { readonly last: unknown }): Promise<Outcome<T>>
  /** Throws `error` where it says that the tool waits and will be called again. */
  failed(error: unknown): Promise<Outcome<T>>
}

/** Runs the tool under its claim and records how it ended. */
export async function execute<T>(
  governed: Governed<T>,
  claimed: Claimed,
  run: (spend: CurrentSpend) => T | PromiseLike<T>,
): Promise<Outcome<T>> {
  const running = openClaim(governed, claimed)
  let result: T
  try {
    result = await runInFrame(running.frame, async () => run(running.frame.spend))
  } catch (error) {
    return running.failed(error)
  }
  return running.done(result)
}

/** Keeps the lease of a claim until it has ended. */
export function openClaim<T>({ session, call, binding }: Governed<T>, claimed: Claimed): Running<T> {
  const { spend } = claimed
  const lease = keepLease(session, spend)
  const frame = frameOf(session, call.key, binding, spend)
  const end = async (ending: () => Promise<Ending>) => {
    frame.isOpen = false
    return untilEnded(session, async () => recordEnding(session, spend, await ending(), lease))
  }
  return {
    frame,
    async done(result, stream) {
      const ending = async () => ({
        ...(await costOf(session, call, final(result, stream))),
        evidence: await evidenceOf(session, call, spend, final(result, stream)),
        action: "settle" as const,
        result: recordResult(final(result, stream), call, stream !== undefined),
      })
      return { status: "done", result, ...(await end(ending)) }
    },
    async failed(error) {
      if (pauses(call, error)) {
        frame.isOpen = false
        await untilEnded(session, () => giveBack(session, claimed, lease))
        throw error
      }
      const ending = async () => ({
        action: await ruleOf(session, call, error),
        error: recordError(error, (call.record ?? "result") === "result"),
      })
      return { status: "failed", error, message: textOf(error), ...(await end(ending)) }
    },
  }
}

/** Anything else that it throws has failed; so has what asks in vain. */
function pauses<T>({ pauses: isPause }: ParsedCall<T>, error: unknown): boolean {
  try {
    return isPause?.(error) === true
  } catch {
    return false
  }
}

/** The tool waits, in its framework's own way: the decision is as it was before the claim. */
async function giveBack({ engine, owner }: Session, { spend, from }: Claimed, lease: Lease): Promise<void> {
  const { id, fence = 0 } = spend
  const back = unclaimStep(id, { fence, from: from === "new" ? "approved" : from })
  try {
    await engine.commit(owner, back)
  } catch {
    // What cannot be given back now is unknown when its lease has ended, and listed at the desk.
  } finally {
    lease.stop()
  }
}

/** What a stream came to that returned nothing: its last chunk. */
function final<T>(result: T, stream: { readonly last: unknown } | undefined): T {
  return stream === undefined ? result : (stream.last as T)
}

function frameOf(
  { owner, opened }: Session,
  key: string | undefined,
  binding: string | undefined,
  spend: Spend,
): ToolFrame {
  return {
    spend: {
      decision: decisionOfSpend(spend, owner) as Ran,
      idempotencyKey: spend.id,
      attempt: spend.fence ?? 1,
    },
    ledger: opened.ledger,
    owner,
    key,
    binding,
    outer: currentFrame(),
    isOpen: true,
    passed: undefined,
  }
}

async function costOf<T>(
  session: Session,
  { charged }: ParsedCall<T>,
  result: T,
): Promise<{ readonly cost?: bigint; readonly chargeUnknown?: boolean }> {
  if (charged === undefined) return {}
  try {
    const { currency } = session
    const money = parseAmount(await runTerm(whoseOf(session), () => charged(result)), "charged", currency)
    return money.currency === currency ? { cost: money.micros } : { chargeUnknown: true }
  } catch {
    return { chargeUnknown: true }
  }
}

/** What cannot be read is not on record; the call has ended all the same, and a warning says so. */
async function evidenceOf<T>(
  session: Session,
  { evidence }: ParsedCall<T>,
  { id }: Spend,
  result: T,
): Promise<readonly ParsedEvidence[]> {
  if (evidence === undefined) return []
  try {
    return parseEvidences(await runTerm(whoseOf(session), () => evidence(result)))
  } catch (error) {
    warn("evidence_not_kept", `the evidence of decision ${id} could not be read: ${textOf(error)}`)
    return []
  }
}

async function ruleOf<T>(
  session: Session,
  { onError = "hold" }: ParsedCall<T>,
  error: unknown,
): Promise<"release" | "fail"> {
  if (isNotCharged(error)) return "release"
  try {
    const rule =
      typeof onError === "function" ? await runTerm(whoseOf(session), () => onError(error)) : onError
    return rule === "release" ? "release" : "fail"
  } catch {
    return "fail"
  }
}

interface Lease {
  /** Milliseconds UTC. */
  readonly until: number
  stop(): void
}

/** Renews a lease while the tool runs; what fails now is tried again, and a lost lease is not taken back. */
function keepLease({ engine, owner, clock }: Session, { id, fence = 0, due = 0 }: Spend): Lease {
  let until = due
  const stop = renewing(renewEvery, async () => {
    const from = clock()
    const isOurs = await engine.commit(owner, renewStep(id, fence))
    if (isOurs) until = from + leaseTime
    return isOurs
  })
  return {
    get until() {
      return until
    },
    stop,
  }
}

/**
 * The tool has run: what it gave is given even where that cannot be committed now, since an error would make a
 * model buy twice. Committing is tried again until the lease ends; then the outcome is one that nobody knows.
 */
async function recordEnding(session: Session, spend: Spend, ending: Ending, lease: Lease) {
  const { engine, owner } = session
  const commit = () => engine.commit(owner, endStep(spend.id, ending, { fence: spend.fence ?? 0 }))
  try {
    const { spend: ended } = await commit()
    return { decision: decisionOfSpend(ended, owner) as Ran }
  } catch {
    void untilEnded(session, () => commitLater(session, commit, lease.until))
    return { decision: decisionOfSpend(spend, owner) as Ran, settlement: "pending" as const }
  } finally {
    lease.stop()
  }
}

/** Bounded by the lease, by real time where the clock stands, and by the closing of the wallet. */
async function commitLater(session: Session, commit: () => Promise<unknown>, until: number): Promise<void> {
  const latest = realNow() + leaseTime
  for (;;) {
    let isLast = realNow() >= latest || session.closing.signal.aborted
    try {
      isLast ||= session.clock() >= until
      await commit()
      return
    } catch {
      if (isLast) return
    }
    await realPause(settleAgain)
  }
}
