import {
  cancelUse,
  currentDecision,
  type Decision,
  errorMessage,
  errorSlot,
  governUse,
  NornrError,
  type Outcome,
  refusalError,
  warnNotRun,
} from "@nornr/core"
import type { RunContext } from "@openai/agents"
import {
  type Call,
  codec,
  type Governed,
  isIdle,
  noteDecision,
  requireWords,
  standingOf,
} from "./ask-call.ts"
import type { Asking } from "./asking.ts"
import { type KnownCall, takeCall } from "./known-calls.ts"
import type { AnyFunctionTool, CallDetails } from "./types.ts"

/** Runs a call once, under its claim; gives what the model reads in place of a result where it may not run. */
export async function runCall(
  { tool, terms }: Governed,
  call: Call,
  run: () => unknown,
  [context, details]: readonly [RunContext<unknown>, CallDetails],
): Promise<unknown> {
  const { known } = call.site
  known.state = "begun"
  let outcome: Outcome<unknown>
  try {
    const signal = details?.signal
    outcome = await governUse(terms, { ...call.use, ...(signal && { signal }) }, async () => run())
    await noteDecision(known, outcome.decision)
  } catch (error) {
    if (!NornrError.isInstance(error)) throw error
    if (error.code === "aborted") throw await abandon({ tool, terms }, call, details?.signal?.reason ?? error)
    known.error = error
    warnNotRun(tool.name, error)
    return refused(tool, errorMessage(error), error.decision, [context, details])
  } finally {
    known.state = "ended"
  }
  if (outcome.status === "done") return outcome.result
  if (outcome.status === "failed") throw outcome.error
  return refused(tool, outcome.message, outcome.decision, [context, details])
}

/** The run was aborted before the call was claimed: what it held is freed, and the SDK gets its own reason. */
async function abandon({ terms }: Governed, call: Call, reason: unknown): Promise<unknown> {
  await leave(terms, call)
  return reason
}

/** Frees what this run was given and will not use. */
export async function leave(terms: Governed["terms"], { site, use }: Call): Promise<void> {
  const { decision, isOwn } = site.known
  if (isOwn !== true || decision === undefined || !isIdle(decision)) return
  await cancelUse(terms, use, decision).catch(() => undefined) // it lapses
}

async function refused(
  tool: AnyFunctionTool,
  message: string,
  decision: Decision | undefined,
  [context, details]: readonly [RunContext<unknown>, CallDetails],
): Promise<unknown> {
  if (tool.outputSchema === undefined) return message
  requireWords(tool, message, decision)
  return tool.errorFunction?.(context, new Error(message), details)
}

/** Runs a tool that code has called itself: a new spend each time, and a refusal is an error. */
export async function runDirectly(
  { tool, terms }: Governed,
  args: unknown,
  run: () => unknown,
  { context }: RunContext<unknown>,
): Promise<unknown> {
  const outcome = await governUse(terms, { tool: tool.name, args, context, codec }, async () => run())
  if (outcome.status === "done") return outcome.result
  if (outcome.status === "failed") throw outcome.error
  const remedy = `End it with wallet.cancel("${outcome.decision.id}"): a call that is to wait is made by an agent, in run().`
  throw refusalError(tool.name, outcome, remedy)
}

/** What goes into the custom data of the call's result: its decision as it stands, and what went wrong. */
export async function slotOf(governed: Governed, asking: Asking): Promise<Record<string, unknown>> {
  const { tool, terms } = governed
  const known = takeCall(tool.name, asking)
  if (known === undefined) return standingSlot(governed, asking)
  const { decision, error, state, isOwn = false } = known
  if (decision === undefined) return error === undefined ? {} : errorSlot(error)
  const use = { tool: tool.name, run: decision.run, context: asking.context.context }
  const wasLeft = isOwn && state === undefined && isIdle(decision)
  const nornr = await lastOf(decision, state, wasLeft ? () => cancelUse(terms, use, decision) : undefined)
  return { ...(error && errorSlot(error)), nornr }
}

/** Another run at once, of the same state in the same context, has taken what was known. */
async function standingSlot(governed: Governed, asking: Asking): Promise<Record<string, unknown>> {
  const nornr = await standingOf(governed, asking)
  takeCall(governed.tool.name, asking)
  return nornr === undefined ? {} : { nornr }
}

/** What another guardrail has refused will not run; what goes on after its time is over is as the ledger says. */
async function lastOf(
  decision: Decision,
  state: KnownCall["state"],
  cancel: (() => Promise<Decision>) | undefined,
): Promise<Decision> {
  try {
    if (state === "begun") return await currentDecision(decision)
    return cancel === undefined ? decision : await cancel()
  } catch {
    return decision // it lapses
  }
}
