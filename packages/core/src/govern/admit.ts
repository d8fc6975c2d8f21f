import { type GovernedAnswer, type GovernedAsk, governStep } from "../engine/ask.ts"
import { unclaimStep } from "../engine/claim.ts"
import { draftAsk } from "../engine/draft.ts"
import { aborted } from "../engine/engine.ts"
import { requireSpend } from "../engine/lookup.ts"
import { withdrawStep } from "../engine/review.ts"
import { NornrError } from "../error/nornr-error.ts"
import { asName } from "../input/fields.ts"
import type { ParsedIntent } from "../intent/intent.ts"
import type { Step } from "../ledger/ledger.ts"
import { type Decision, decisionOfSpend } from "../spend/decision.ts"
import { isFinal } from "../spend/machine.ts"
import type { Spend } from "../spend/spend.ts"
import { keyedDigest } from "../trail/digest.ts"
import { closedError, type Session, whoseOf } from "../wallet/session.ts"
import { waitFor } from "../wallet/wait.ts"
import { type GovernedCall, intentOf, type ParsedCall, parseCall } from "./call.ts"
import { runTerm } from "./current-spend.ts"
import { type Outcome, refusalOf, textOf, unknownMessage } from "./outcome.ts"
import { replayError, replayResult } from "./recorded.ts"

/** A governed call on its way: whose it is and what its key is bound to. */
export interface Governed<T> {
  readonly session: Session
  readonly agent: string | undefined
  readonly call: ParsedCall<T>
  readonly binding: string
}

/** @throws {NornrError} `invalid_intent` */
export function prepare<T>(session: Session, agent: string | undefined, input: GovernedCall<T>): Governed<T> {
  const call = parseCall(input)
  return { session, agent, call, binding: keyedDigest(session.opened.ledger.secret, call.bound) }
}

/** The decision on a call, and the claim to run it where it is approved. Waits for a run of it elsewhere. */
export async function admit<T>(governed: Governed<T>): Promise<Admitted> {
  return untilAnswered(governed, true)
}

/** The decision on a call, ahead of its run. */
export async function askAhead<T>(governed: Governed<T>): Promise<Decision> {
  const answer = await untilAnswered(governed, false)
  const replayed = answer.kind === "answered" && answer.replayed
  return decisionOfSpend(answer.spend, governed.session.owner, replayed)
}

type Admitted = Exclude<GovernedAnswer, { readonly kind: "unasked" }>

export type Claimed = Extract<GovernedAnswer, { readonly kind: "claimed" }>

async function untilAnswered<T>(governed: Governed<T>, claims: boolean): Promise<Admitted> {
  const { session, call } = governed
  let id: string | undefined
  let late = 0
  for (;;) {
    const answer: Admitted = await ask(governed, id, claims)
    if (answer.kind === "claimed") {
      if (session.clock() < (answer.spend.due ?? 0)) return answer
      // The process was suspended: nothing has run under this claim, nor will.
      await session.engine.commit(session.owner, unclaim(answer))
      if (++late < 3) continue
      const remedy = "Nothing was run; see what keeps the ledger or the process busy, then repeat the call."
      throw new NornrError("ledger_timeout", "Claims of the call came after their leases had ended.", {
        remedy,
      })
    }
    const { state } = answer.spend
    if (state === "running" && claims) {
      await runElsewhere(session, answer.spend.id, call.signal)
    } else if (state === "queued" && id === undefined && session.onQueued !== undefined) {
      const { onQueued } = session
      await runTerm(whoseOf(session), () => onQueued(decisionOfSpend(answer.spend, session.owner)))
      id = answer.spend.id
    } else return answer
    if (call.key === undefined) id = answer.spend.id
  }
}

async function ask<T>(governed: Governed<T>, id: string | undefined, claims: boolean): Promise<Admitted> {
  const { call } = governed
  if (id !== undefined || (call.isLazy && call.key !== undefined)) {
    const known = await commit(governed, { id, claims })
    if (known.kind !== "unasked") return known
  }
  const { intent, done } = await evaluate(governed)
  try {
    const { session, binding } = governed
    const ask = draftAsk(intent, session.clock(), { binding, governed: true })
    return (await commit(governed, { ask, claims })) as Admitted
  } finally {
    done()
  }
}

interface Evaluated {
  readonly intent: ParsedIntent
  /** It is in the ledger, or will never be. */
  done(): void
}

/** What the call costs: callers of one key at once share one evaluation, but not its failure or its abort. */
async function evaluate<T>({ session, call, agent, binding }: Governed<T>): Promise<Evaluated> {
  const { asking, currency } = session
  const { key, isLazy, signal } = call
  const name = key !== undefined && isLazy ? `${binding} ${key}` : undefined
  const shared = name === undefined ? undefined : asking.get(name)
  if (shared !== undefined) {
    const intent = await orAborted(shared, signal).catch(() => undefined)
    if (signal?.aborted) throw aborted(signal)
    if (intent !== undefined) return { intent, done() {} }
  }
  const evaluated = () => intentOf(call, currency, agent)
  const own = orAborted(isLazy ? runTerm(whoseOf(session), evaluated) : evaluated(), signal)
  if (name !== undefined) asking.set(name, own)
  const done = () => {
    if (name !== undefined && asking.get(name) === own) asking.delete(name)
  }
  try {
    return { intent: await own, done }
  } catch (error) {
    done()
    throw error
  }
}

/** @throws {NornrError} `aborted` */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  const { promise: end, reject } = Promise.withResolvers<never>()
  const abort = () => reject(aborted(signal))
  if (signal.aborted) abort()
  signal.addEventListener("abort", abort)
  try {
    return await Promise.race([promise, end])
  } finally {
    signal.removeEventListener("abort", abort)
  }
}

function commit<T>(
  { session, call, binding, agent }: Governed<T>,
  asked: Pick<GovernedAsk, "id" | "ask" | "claims">,
): Promise<GovernedAnswer> {
  const { key, reask = false, idempotent = false, signal } = call
  const anew = reask && asked.id === undefined
  const asking = agent ?? asName(call.run?.agent)
  const step = governStep({ ...asked, key, binding, agent: asking, reask: anew, idempotent })
  const heeded = asked.id === undefined ? signal : undefined // it has been answered already
  return session.engine.commit(session.owner, step, { signal: heeded, undo: takeBack })
}

/** What a commit has made after its caller was told that nothing happened. */
function takeBack(answer: GovernedAnswer): Step<unknown> | undefined {
  if (answer.kind === "unasked") return undefined
  if (answer.kind === "claimed") return unclaim(answer)
  return withdrawStep(answer.spend.id, answer.spend.previous)
}

function unclaim({ spend, from }: Claimed): Step<unknown> {
  const { id, fence = 0, previous } = spend
  return unclaimStep(id, { fence, from, previous })
}

/** Waits until a run of the same call has ended, or its lease has. */
async function runElsewhere(session: Session, id: string, signal: AbortSignal | undefined): Promise<void> {
  const look = async () => {
    const spend = await session.engine.read(session.owner, spendStep(id))
    return spend.state === "running" ? { at: spend.due } : { found: true }
  }
  if ((await waitFor(session, look, signal)) !== undefined) return
  if (signal?.aborted) throw aborted(signal, "The call runs elsewhere; its outcome is kept under its key.")
  throw closedError(session.owner)
}

function spendStep(id: string): Step<Spend> {
  return { reads: () => ({ ids: [id] }), work: (facts) => ({ result: requireSpend(facts, id) }) }
}

/** What a call comes to that is not run now. */
export function answered<T>(
  { session, call }: Governed<T>,
  { spend, replayed }: { readonly spend: Spend; readonly replayed: boolean },
): Outcome<T> {
  const decision = decisionOfSpend(spend, session.owner, replayed)
  const message = refusalOf(decision)
  if (decision.status === "queued") return { status: "queued", message, decision }
  if (decision.status === "rejected") return { status: "rejected", message, decision }
  const gaveNothing = spend.texts?.result === undefined && spend.texts?.error !== undefined
  if (isFinal(spend.state) && !gaveNothing) {
    try {
      const { value } = replayResult(spend.texts?.result, call.codec, spend.id)
      return { status: "done", result: value, decision }
    } catch (error) {
      return { status: "failed", error, message: textOf(error), decision }
    }
  }
  if (spend.state === "unknown") return { status: "unknown", message: unknownMessage(decision), decision }
  const error = replayError(spend.texts?.error, spend.id)
  return { status: "failed", error, message: textOf(error), decision }
}
