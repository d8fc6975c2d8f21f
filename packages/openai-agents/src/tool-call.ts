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
  warnNotRun,
} from "@nornr/core"
import {
  ToolGuardrailFunctionOutputFactory as answer,
  type RunContext,
  type ToolGuardrailFunctionOutput,
} from "@openai/agents"
import { type CallSite, callSite, type KnownCall, knownCall, takeCall } from "./call-site.ts"
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

/** What a model wants of a tool. */
interface Asking {
  readonly callId: string | undefined
  /** The arguments as the model wrote them. */
  readonly text: string
  readonly context: RunContext<unknown>
}

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
  if (call === undefined) return { parsed: undefined }
  return { decision: await decide(governed.terms, call), parsed: { value: call.use.args } }
}

/** Undefined where the tool's schema refuses the arguments. */
export async function callOf({ tool, terms }: Governed, asking: Asking): Promise<Call | undefined> {
  const { callId, context } = asking
  const site = callSite(tool.name, callId, context, terms)
  const raw = JSON.parse(asking.text)
  const text = JSON.stringify(raw)
  if (site.known.args?.text !== text) site.known.args = { text, parsed: await parseArgs(tool, asking.text) }
  const { parsed } = site.known.args
  if (parsed === undefined) return undefined
  const { key, run, context: given } = site
  return { site, use: { tool: tool.name, args: parsed.value, raw, key, run, context: given, codec } }
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
    if (call === undefined) return answer.allow()
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
    knownCall(asking.context, tool.name, asking.callId ?? "").error = error
    warnNotRun(tool.name, error)
    return refuse(tool, errorMessage(error), error.decision, errorSlot(error))
  }
}

function isApproved({ name: toolName, callId = "", context }: Asking & { readonly name: string }): boolean {
  return context.isToolApproved({ toolName, callId }) === true
}

/** It was first asked for when the SDK would not pause any more: nobody could resume it. */
function stranded({ id }: Decision): string {
  return `Not run, nothing charged: a person would have to approve this, and this run does not pause for it, because the SDK was told to approve each call of the tool (alwaysApprove). Approve single calls, or none: the wallet decides. [${id}]`
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
    if (!NornrError.isInstance(error) || error.code === "aborted") throw error
    known.error = error
    warnNotRun(tool.name, error)
    return refused(tool, errorMessage(error), error.decision, [context, details])
  }
  if (outcome.status === "done") return outcome.result
  if (outcome.status === "failed") throw outcome.error
  return refused(tool, outcome.message, outcome.decision, [context, details])
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
export async function slotOf(
  { tool, terms }: Governed,
  { callId }: { readonly callId: string },
  context: RunContext<unknown>,
): Promise<object> {
  const known = takeCall(context, tool.name, callId)
  if (known === undefined) return {}
  const { decision, error, state } = known
  if (decision === undefined) return error === undefined ? {} : errorSlot(error)
  const use = { tool: tool.name, run: decision.run, context: context.context }
  const nornr = await lastOf(decision, state, () => cancelUse(terms, use, decision))
  return { ...(error && errorSlot(error)), nornr }
}

/** What another guardrail has refused will not run; what goes on after its time is over is as the ledger says. */
async function lastOf(
  decision: Decision,
  state: KnownCall["state"],
  cancel: () => Promise<Decision>,
): Promise<Decision> {
  try {
    if (state === "begun") return await currentDecision(decision)
    const isIdle = decision.status === "approved" && decision.execution.state === "idle"
    return state === undefined && isIdle ? await cancel() : decision
  } catch {
    return decision // it lapses
  }
}
