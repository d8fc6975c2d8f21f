import {
  askUse,
  type Codec,
  cancelUse,
  codecOf,
  type Decision,
  errorMessage,
  errorSlot,
  NornrError,
  refusalText,
  strandedMessage,
  type Terms,
  type ToolUse,
  walletOf,
  warnNotRun,
} from "@nornr/core"
import {
  ToolGuardrailFunctionOutputFactory as answer,
  type ToolGuardrailFunctionOutput,
} from "@openai/agents"
import type { Asking } from "./asking.ts"
import { type CallSite, callSite } from "./call-site.ts"
import { traceDecision } from "./decision-span.ts"
import { type KnownCall, knownCall } from "./known-calls.ts"
import { jsonOr, parseArgs } from "./parse-args.ts"
import type { AnyFunctionTool, GovernedTerms } from "./types.ts"

/** A tool as it is without terms, and its terms. */
export interface Governed {
  readonly tool: AnyFunctionTool
  readonly terms: GovernedTerms<unknown>
}

/** A tool call on its way through core. */
export interface Call {
  readonly site: CallSite
  readonly use: ToolUse<unknown, unknown>
}

export const codec: Codec<unknown> = codecOf()

/**
 * Asks for a decision ahead of the run, where the SDK asks whether a call needs approval. There is none where the
 * tool's schema refuses the arguments.
 * @throws {NornrError} as `wallet.ask`
 */
export async function askAhead(
  governed: Governed,
  asking: Asking,
): Promise<{ readonly decision?: Decision; readonly call?: Call }> {
  const call = await callOf(governed, asking)
  return call === undefined ? {} : { decision: await decide(governed.terms, call), call }
}

/** Undefined where the tool's schema refuses the arguments. */
export async function callOf({ tool, terms }: Governed, asking: Asking): Promise<Call | undefined> {
  const site = callSite(tool.name, asking, terms)
  site.known.args ??= { parsed: await parseArgs(tool, asking.text) }
  const { parsed } = site.known.args
  if (parsed === undefined) return undefined
  const raw = jsonOr(asking.text)
  const { key, run, context: given } = site
  return { site, use: { tool: tool.name, args: parsed.value, raw, key, run, context: given, codec } }
}

/** What stands under the name of a call that was asked for with the same arguments; another's is not told. */
export async function standingOf({ tool, terms }: Governed, asking: Asking): Promise<Decision | undefined> {
  try {
    const { key, run, context } = callSite(tool.name, asking, terms)
    const use = { tool: tool.name, args: undefined, raw: jsonOr(asking.text), key, run, context }
    const found = await (await walletOf(terms.wallet, use)).decision(key)
    if (found === undefined || found.execution.state === "released") return undefined
    return await askUse(terms, use)
  } catch {
    return undefined
  }
}

/** The tool's schema may have refused no such arguments when they were asked for: nobody could run them now. */
async function endRefused(governed: Governed, asking: Asking): Promise<void> {
  const { tool, terms } = governed
  const decision = await standingOf(governed, asking)
  if (decision === undefined) return
  const known = knownCall(tool.name, asking)
  known.decision = decision
  if (decision.status !== "queued" && !isIdle(decision)) return
  const use = { tool: tool.name, run: decision.run, context: asking.context.context }
  known.decision = await cancelUse(terms, use, decision).catch(() => decision) // it expires
}

export function isIdle({ status, execution }: Decision): boolean {
  return status === "approved" && execution.state === "idle"
}

async function decide(terms: Terms<unknown>, { site, use }: Call): Promise<Decision> {
  const decision = await askUse(terms, use)
  await noteDecision(site.known, decision)
  return decision
}

export async function noteDecision(known: KnownCall, decision: Decision): Promise<void> {
  const isNew = decision.replayed !== true && decision.id !== known.decision?.id
  if (isNew) known.isOwn = decision.status === "approved"
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
    return refuse(
      tool,
      isStranded ? strandedMessage(decision, whyNot) : refusalText(terms, decision),
      call.site.known.decision,
    )
  } catch (error) {
    if (!NornrError.isInstance(error) || error.code === "aborted" || error.code === "not_approved")
      throw error
    knownCall(tool.name, asking).error = error
    warnNotRun(tool.name, error)
    return refuse(tool, errorMessage(error), error.decision, errorSlot(error))
  }
}

function isApproved({ name: toolName, callId = "", context }: Asking & { readonly name: string }): boolean {
  return context.isToolApproved({ toolName, callId }) === true
}

/** It was first asked for when the SDK would not pause any more: nobody could resume it. */
const whyNot =
  "this run does not pause for it, because the SDK was told to approve it, or each call of the tool (alwaysApprove), before the wallet was asked."

function refuse(
  tool: AnyFunctionTool,
  message: string,
  decision: Decision | undefined,
  slot: object = { nornr: decision },
): ToolGuardrailFunctionOutput {
  requireWords(tool, message, decision)
  return answer.rejectContent(message, slot)
}

/**
 * A tool with an output schema has no words for a refusal but those that its `errorFunction` finds.
 * @throws {NornrError} `not_approved`
 */
export function requireWords(tool: AnyFunctionTool, message: string, decision: Decision | undefined): void {
  if (tool.outputSchema === undefined || typeof tool.errorFunction === "function") return
  const remedy =
    "Give the tool an errorFunction that returns what its outputSchema allows: then the model reads that, and the run goes on."
  throw new NornrError("not_approved", `${tool.name}: ${message}`, { remedy, ...(decision && { decision }) })
}
