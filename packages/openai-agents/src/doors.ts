import { governedMark, NornrError } from "@nornr/core"
import type { RunContext } from "@openai/agents"
import { askAhead, callOf, type Governed, lookAgain } from "./ask-call.ts"
import type { Asking } from "./asking.ts"
import { withInvoke } from "./mcp-binding.ts"
import { onlyParsing, parseArgs } from "./parse-args.ts"
import { leave, runCall, runDirectly, slotOf } from "./run-call.ts"
import type { AnyFunctionTool, CallDetails } from "./types.ts"

/** The tool with other ways of being asked for and called; what else it has, symbols too, is its own. */
export function governedAs(governed: Governed, invoke: AnyFunctionTool["invoke"]): AnyFunctionTool {
  const { tool } = governed
  const own = {
    needsApproval: (context: RunContext<unknown>, input: unknown, callId?: string) =>
      needsApproval(governed, context, input, callId),
    inputGuardrails: [...(tool.inputGuardrails ?? []), guardrail(governed)],
    customDataExtractor: async (made: Parameters<NonNullable<typeof tool.customDataExtractor>>[0]) => {
      const slot = await slotOf(governed, askingOf(made.toolCall, made.runContext))
      const given: unknown = await tool.customDataExtractor?.(made)
      if (given === undefined || given === null) return slot
      return isRecord(given) ? { ...given, ...slot } : (given as typeof slot) // the SDK says what is wrong with it
    },
  } satisfies Partial<AnyFunctionTool>
  return Object.create(Object.getPrototypeOf(tool), {
    ...Object.getOwnPropertyDescriptors(tool),
    ...Object.getOwnPropertyDescriptors({ ...own, [governedMark]: true }),
    invoke: withInvoke(tool.invoke, invoke),
  })
}

function isRecord(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

interface Made {
  /** The arguments as the model wrote them. */
  readonly text: string
  readonly context: RunContext<unknown>
  readonly details: CallDetails
}

/** A call of a model runs as it was decided; code that calls a tool itself makes a new spend. */
export async function runAs(
  governed: Governed,
  { text, context, details }: Made,
  run: (args: unknown) => unknown,
): Promise<unknown> {
  const { tool } = governed
  const toolCall = details?.toolCall
  if (toolCall !== undefined) {
    const call = await callOf(governed, { callId: toolCall.callId, text, context })
    if (call !== undefined) return runCall(governed, call, () => run(call.use.args), [context, details])
  } else {
    const args = await parseArgs(tool, text)
    if (args !== undefined) return runDirectly(governed, args.value, () => run(args.value), context)
  }
  return tool.invoke(context, text, await onlyParsing(tool, details))
}

/** Queued calls pause the run in the SDK's own way; refused and undecided ones go on to the guardrail. */
async function needsApproval(
  governed: Governed,
  context: RunContext<unknown>,
  input: unknown,
  callId: string | undefined,
): Promise<boolean> {
  const { tool } = governed
  if (!isJson(input)) return false // what the model wrote cannot be decided: the guardrail says so
  let asked: Awaited<ReturnType<typeof askAhead>>
  try {
    asked = await askAhead(governed, { callId, text: JSON.stringify(input), context })
  } catch (error) {
    if (!NornrError.isInstance(error) || error.code === "aborted") throw error
    return false
  }
  const { decision, call } = asked
  if (decision !== undefined && decision.status !== "approved") return decision.status === "queued"
  try {
    const isPausing = await tool.needsApproval(context, call === undefined ? input : call.use.args, callId)
    if (isPausing && call !== undefined) call.site.known.isOwn = false // its state may be kept elsewhere
    return isPausing
  } catch (error) {
    if (call !== undefined) await leave(governed.terms, call)
    throw error
  }
}

/** `1e999` is JSON, and a number that no JSON can hold. */
function isJson(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value)
  return typeof value !== "object" || value === null || Object.values(value).every(isJson)
}

function guardrail(governed: Governed): NonNullable<AnyFunctionTool["inputGuardrails"]>[number] {
  return {
    type: "tool_input",
    name: "nornr",
    run: ({ context, toolCall }) =>
      lookAgain(governed, { name: toolCall.name, ...askingOf(toolCall, context) }),
  }
}

function askingOf(
  { callId, arguments: text }: { readonly callId: string; readonly arguments: string },
  context: RunContext<unknown>,
): Asking {
  return { callId, text, context }
}
