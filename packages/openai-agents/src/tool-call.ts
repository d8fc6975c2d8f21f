import {
  askUse,
  cancelUse,
  codecOf,
  currentDecision,
  type Decision,
  errorMessage,
  errorSlot,
  governUse,
  NornrError,
  type Outcome,
  refusalError,
  refusalOf,
  type Terms,
  type ToolUse,
  walletOf,
  warnNotRun,
} from "@nornr/core"
import {
  ToolGuardrailFunctionOutputFactory as answer,
  type RunContext,
  type ToolGuardrailFunctionOutput,
} from "@openai/agents"
import { type Asking, type CallSite, callSite, type KnownCall, knownCall, takeCall } from "./call-site.ts"
import { traceDecision } from "./decision-span.ts"
import { type Parsed, parseArgs } from "./parse-args.ts"
import type { AnyFunctionTool, CallDetails, GovernedTerms } from "./types.ts"

/** A tool as it is without terms, and its terms. */
export interface Governed {
  readonly tool: AnyFunctionTool
  readonly terms: GovernedTerms<unknown>
}

/** A tool call on its way through core. */
interface Call {
  readonly site: CallSite
  readonly use: ToolUse<unknown, unknown>
}

const codec = codecOf()

/**
 * Asks for a decision ahead of the run, where the SDK asks whether a call needs approval. There is none where the
 * tool's schema refuses the arguments.
 * @throws {NornrError} as `wallet.ask`
 */
export async function askAhead(
  governed: Governed,
  asking: Asking,
): Promise<{ readonly decision?: Decision; readonly parsed: Parsed }> {
  const call = await callOf(governed, asking)
  if (call === undefined) {
    await endRefused(governed, asking)
    return { parsed: undefined }
  }
  return { decision: await decide(governed.terms, call), parsed: { value: call.use.args } }
}

/** Undefined where the tool's schema refuses the arguments. */
export async function callOf({ tool, terms }: Governed, asking: Asking): Promise<Call | undefined> {
  const site = callSite(tool.name, asking, terms)
  const raw = JSON.parse(asking.text)
  site.known.args ??= await parseArgs(tool, asking.text)
  const parsed = site.known.args
  if (parsed === undefined) return undefined
  const { key, run, context: given } = site
  return { site, use: { tool: tool.name, args: parsed.value, raw, key, run, context: given, codec } }
}

/** The tool's schema may have refused no such arguments when they were asked for: nobody could run them now. */
async function endRefused({ tool, terms }: Governed, asking: Asking): Promise<void> {
  try {
    const { key, run, context, known } = callSite(tool.name, asking, terms)
    const use = { tool: tool.name, run, context }
    const decision = await (await walletOf(terms.wallet, use)).decision(key)
    if (decision === undefined) return
    const isOpen = decision.status === "queued" || isIdle(decision)
    known.decision = isOpen ? await cancelUse(terms, use, decision) : decision
  } catch {
    // What cannot be ended now expires.
  }
}

function isIdle({ status, execution }: Decision): boolean {
  return status === "approved" && execution.state === "idle"
}

async function decide(terms: Terms<unknown>, { site, use }: Call): Promise<Decision> {
  const { known } = site
  try {
    const decision = await askUse(terms, use)
    delete known.error
    await noteDecision(known, decision)
    return decision
  } catch (error) {
    if (!NornrError.isInstance(error)) throw error
    known.error = error
    throw error
  }
}

async function noteDecision(known: KnownCall, decision: Decision): Promise<void> {
  const isNew = decision.replayed !== true && decision.id !== known.decision?.id
  if (isNew) known.isOwn = true
  known.decision = decision
  if (isNew) await traceDecision(decision)
}

/**
 * The last look before a call runs, whatever the SDK has approved: refuses what the wallet does not let run. What it
 * lets pass is claimed when it runs.
 */
export async function lookAgain(
  governed: Governed,
  asking: Asking & { readonly name: string },
): Promise<ToolGuardrailFunctionOutput> {
  const { tool, terms } = governed
  try {
    const call = await callOf(governed, asking)
    if (call === undefined) {
      await endRefused(governed, asking)
      return answer.allow()
    }
    const asked = call.site.known.decision
    const decision = asked?.status === "approved" ? asked : await decide(terms, call)
    if (decision.status === "approved") return answer.allow({ nornr: decision })
    // The SDK can be told to look before it pauses, too.
    if (asked !== undefined && decision.status === "queued" && !isApproved(asking))
      return answer.allow({ nornr: decision })
    const isStranded = decision.status === "queued" && decision.replayed !== true
    if (isStranded) call.site.known.decision = await cancelUse(terms, call.use, decision)
    return refuse(tool, isStranded ? stranded(decision) : told(terms, decision), call.site.known.decision)
  } catch (error) {
    if (!NornrError.isInstance(error) || error.code === "aborted" || error.code === "not_approved")
      throw error
    knownCall(asking.context, tool.name, asking.callId ?? "", asking.text).error = error
    warnNotRun(tool.name, error)
    return refuse(tool, errorMessage(error), error.decision, errorSlot(error))
  }
}

function isApproved({ name: toolName, callId = "", context }: Asking & { readonly name: string }): boolean {
  return context.isToolApproved({ toolName, callId }) === true
}

/** It was first asked for when the SDK would not pause any more: nobody could resume it. */
function stranded({ id }: Decision): string {
  return `Not run, nothing charged: a person would have to approve this, and this run does not pause for it, because the SDK was told to approve it, or each call of the tool (alwaysApprove), before the wallet was asked. [${id}]`
}

/** A tool with an output schema has no words for a refusal but those that its `errorFunction` finds. */
function refuse(
  tool: AnyFunctionTool,
  message: string,
  decision: Decision | undefined,
  slot: object = { nornr: decision },
): ToolGuardrailFunctionOutput {
  if (tool.outputSchema === undefined || typeof tool.errorFunction === "function") {
    return answer.rejectContent(message, slot)
  }
  throw schemaError(tool.name, message, decision)
}

function schemaError(tool: string, message: string, decision: Decision | undefined): NornrError {
  const remedy =
    "Give the tool an errorFunction that returns what its outputSchema allows: then the model reads that, and the run goes on."
  return new NornrError("not_approved", `${tool}: ${message}`, { remedy, ...(decision && { decision }) })
}

function told({ refusal }: Terms<unknown>, decision: Decision): string {
  try {
    const message = refusal?.(decision)
    return typeof message === "string" ? message : refusalOf(decision)
  } catch {
    return refusalOf(decision)
  }
}

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
    known.state = "ended"
    delete known.error
    await noteDecision(known, outcome.decision)
  } catch (error) {
    known.state = "ended"
    if (!NornrError.isInstance(error)) throw error
    if (error.code === "aborted") throw await abandon({ tool, terms }, call, details?.signal?.reason ?? error)
    known.error = error
    warnNotRun(tool.name, error)
    return refused(tool, errorMessage(error), error.decision, [context, details])
  }
  if (outcome.status === "done") return outcome.result
  if (outcome.status === "failed") throw outcome.error
  return refused(tool, outcome.message, outcome.decision, [context, details])
}

/** The run was aborted before the call was claimed: what it held is freed, and the SDK gets its own reason. */
async function abandon({ terms }: Governed, { site, use }: Call, reason: unknown): Promise<unknown> {
  const { decision, isOwn } = site.known
  if (isOwn === true && decision !== undefined && isIdle(decision)) {
    await cancelUse(terms, use, decision).catch(() => undefined) // it lapses
  }
  return reason
}

async function refused(
  tool: AnyFunctionTool,
  message: string,
  decision: Decision | undefined,
  [context, details]: readonly [RunContext<unknown>, CallDetails],
): Promise<unknown> {
  if (tool.outputSchema === undefined) return message
  const error = schemaError(tool.name, message, decision)
  if (typeof tool.errorFunction !== "function") throw error
  return tool.errorFunction(context, error, details)
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
export async function slotOf({ tool, terms }: Governed, asking: Asking): Promise<object> {
  const known = takeCall(tool.name, asking)
  if (known === undefined) return {}
  const { decision, error, state, isOwn = false } = known
  if (decision === undefined) return error === undefined ? {} : errorSlot(error)
  const use = { tool: tool.name, run: decision.run, context: asking.context.context }
  const wasLeft = isOwn && state === undefined && isIdle(decision)
  const nornr = await lastOf(decision, state, wasLeft ? () => cancelUse(terms, use, decision) : undefined)
  return { ...(error && errorSlot(error)), nornr }
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
