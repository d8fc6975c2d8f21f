import { NornrError } from "../error/nornr-error.ts"
import { show } from "../input/show.ts"
import { type Session, untilEnded } from "../wallet/session.ts"
import { admit, answered, type Governed, prepare } from "./admit.ts"
import type { GovernedCall, ParsedCall } from "./call.ts"
import { type CurrentSpend, currentFrame, runInFrame, type ToolFrame } from "./current-spend.ts"
import { execute } from "./execute.ts"
import { type Outcome, textOf } from "./outcome.ts"

/** Decides a call, and runs the tool once where it may run. */
export async function govern<T>(
  session: Session,
  agent: string | undefined,
  input: GovernedCall<T>,
  run: (spend: CurrentSpend) => T | PromiseLike<T>,
): Promise<Outcome<T>> {
  requireRun(run)
  const governed = prepare(session, agent, input)
  const frame = ownFrame(governed)
  if (frame !== undefined) return passThrough(frame, governed.call, run)
  return untilEnded(session, async () => {
    const answer = await admit(governed)
    return answer.kind === "claimed" ? execute(governed, answer, run) : answered(governed, answer)
  })
}

export function requireRun(run: unknown): void {
  if (typeof run === "function") return
  const remedy = "Pass the function that runs the tool: wallet.govern(call, () => …)."
  throw new NornrError("invalid_intent", `run is ${show(run)}.`, { remedy })
}

/** The run of the very same call that this code is part of: a wrapped tool under a middleware that governs it. */
export function ownFrame<T>({ session, call, binding }: Governed<T>): ToolFrame | undefined {
  for (let frame = currentFrame(); frame !== undefined; frame = frame.outer) {
    const isSame = frame.ledger === session.opened.ledger && frame.owner === session.owner
    if (isSame && call.key !== undefined && frame.key === call.key) {
      return frame.binding === binding ? (frame as ToolFrame) : undefined
    }
  }
  return undefined
}

/** The pass is a run of the call, too: what makes the same call in it passes straight through again. */
export function innerFrame(frame: ToolFrame): ToolFrame {
  return { ...frame, outer: frame, passed: undefined }
}

/** Under the claim of the run that it is part of; once, unless the tool may run again. */
function passThrough<T>(
  frame: ToolFrame,
  { idempotent }: ParsedCall<T>,
  run: (spend: CurrentSpend) => T | PromiseLike<T>,
): Promise<Outcome<T>> {
  const pass = async (): Promise<Outcome<unknown>> => {
    const { decision } = frame.spend
    try {
      const result = await runInFrame(innerFrame(frame), async () => run(frame.spend))
      return { status: "done", result, decision }
    } catch (error) {
      return { status: "failed", error, message: textOf(error), decision }
    }
  }
  const before = frame.passed
  frame.passed =
    before === undefined || idempotent !== true
      ? (before ?? pass())
      : before.then((outcome) => (outcome.status === "failed" ? pass() : outcome))
  return frame.passed as Promise<Outcome<T>>
}
