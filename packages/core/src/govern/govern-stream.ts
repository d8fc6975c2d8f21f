import { NornrError } from "../error/nornr-error.ts"
import { show } from "../input/show.ts"
import { type Session, untilEnded } from "../wallet/session.ts"
import { admit, answered, prepare } from "./admit.ts"
import type { GovernedCall } from "./call.ts"
import { type CurrentSpend, runInFrame, type ToolFrame } from "./current-spend.ts"
import { openClaim, type Running } from "./execute.ts"
import { innerFrame, ownFrame, requireRun } from "./govern.ts"
import { type Outcome, textOf } from "./outcome.ts"
import { replayResult } from "./recorded.ts"

/** A tool that streams: what it yields passes through, what it returns is its result. */
export type StreamRun<Y, T> = (spend: CurrentSpend) => AsyncIterator<Y, T> | PromiseLike<AsyncIterator<Y, T>>

type Governing<Y, T> = AsyncGenerator<Y, Outcome<T>, undefined>

/**
 * Decides a call at the first `next()` and streams the tool once where it may run; the outcome is what the stream
 * returns. A stream that is abandoned has failed. A replay gives the final value: the one returned, or, of a
 * stream that returned none, its last chunk, which it yields.
 */
export async function* governStream<Y, T>(
  session: Session,
  agent: string | undefined,
  input: GovernedCall<T>,
  run: StreamRun<Y, T>,
): Governing<Y, T> {
  requireRun(run)
  const governed = prepare(session, agent, input)
  const frame = ownFrame(governed)
  if (frame !== undefined) return yield* passThrough(frame, run)
  const open = new Open(session)
  try {
    const answer = await admit(governed)
    if (answer.kind === "claimed") return yield* stream(openClaim(governed, answer), run, open)
    const outcome = answered(governed, answer)
    if (outcome.status !== "done") return outcome
    const { chunk } = replayResult(answer.spend.texts?.result, undefined, answer.spend.id)
    if (chunk) yield outcome.result as unknown as Y
    return outcome
  } finally {
    open.end()
  }
}

/** What closing the wallet waits for: a tool at work, not whoever holds a chunk of it. */
class Open {
  readonly #session: Session
  #end = () => {}

  constructor(session: Session) {
    this.#session = session
    this.begin()
  }

  begin(): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#end = resolve
    void untilEnded(this.#session, () => promise)
  }

  end(): void {
    this.#end()
  }

  /** Yields while the wallet may be closed; then the stream is abandoned. */
  async *yielding<Y>(chunk: Y, abandon: () => void): AsyncGenerator<Y, void, undefined> {
    const closing = this.#session.closing.signal
    if (closing.aborted) return abandon()
    closing.addEventListener("abort", abandon)
    this.end()
    try {
      yield chunk
    } finally {
      closing.removeEventListener("abort", abandon)
      this.begin()
    }
  }
}

async function* stream<Y, T>(
  { frame, done, failed }: Running<T>,
  run: StreamRun<Y, T>,
  open: Open,
): Governing<Y, T> {
  let source: AsyncIterator<Y, T> | undefined
  let ended: Promise<Outcome<T>> | undefined
  const abandon = () => {
    ended ??= failed(new Error("The stream was abandoned before its end."))
  }
  try {
    const opened = await runInFrame(frame, async () => run(frame.spend))
    requireIterator(opened)
    source = opened
    let last: { readonly last: Y } | undefined
    while (ended === undefined) {
      const step = await runInFrame(frame, () => opened.next())
      if (step.done === true) {
        source = undefined
        ended = done(step.value, step.value === undefined ? last : undefined)
        break
      }
      last = { last: step.value }
      yield* open.yielding(step.value, abandon)
    }
  } catch (error) {
    ended ??= failed(error)
  } finally {
    const closed = runInFrame(frame, async () => source?.return?.()).catch(() => undefined)
    abandon()
    await ended
    open.end() // a source that never closes keeps its consumer, not the wallet
    await closed
  }
  return await ended
}

function requireIterator(opened: unknown): void {
  if (typeof (opened as Partial<AsyncIterator<unknown>> | undefined)?.next === "function") return
  const remedy = "Give an async generator function; use governed for a tool that does not stream."
  throw new NornrError("invalid_option", `The tool gave ${show(opened)}, which is no stream.`, { remedy })
}

/** Inside the run of the same call: under its claim, once. */
async function* passThrough<Y, T>(frame: ToolFrame, run: StreamRun<Y, T>): Governing<Y, T> {
  if (frame.passed !== undefined) return (await frame.passed) as Outcome<T>
  const { decision } = frame.spend
  let tell: (outcome: Outcome<T>) => void = () => {}
  frame.passed = new Promise<Outcome<T>>((resolve) => {
    tell = resolve
  })
  let outcome: Outcome<T> | undefined
  try {
    const inner = innerFrame(frame)
    const source = await runInFrame(inner, async () => run(frame.spend))
    const next = () => runInFrame(inner, () => source.next())
    const result = yield* { [Symbol.asyncIterator]: () => ({ ...bound(source), next }) }
    outcome = { status: "done", result, decision }
  } catch (error) {
    outcome = { status: "failed", error, message: textOf(error), decision }
  } finally {
    const error = new Error("The stream was abandoned before its end.")
    tell(outcome ?? { status: "failed", error, message: error.message, decision })
  }
  return outcome
}

function bound<Y, T>(source: AsyncIterator<Y, T>): Pick<AsyncIterator<Y, T>, "return" | "throw"> {
  const end = source.return?.bind(source)
  const fail = source.throw?.bind(source)
  return { ...(end && { return: end }), ...(fail && { throw: fail }) }
}
