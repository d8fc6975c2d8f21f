import { checkTerms, NornrError, notCharged, termNames } from "@nornr/core"
import {
  tool as createTool,
  type FunctionTool,
  type HostedMCPTool,
  type RunContext,
  type ToolInputParameters,
  type ToolOptions,
  type ToolOutputSchema,
} from "@openai/agents"
import { askAhead, callOf, type Governed, lookAgain } from "./ask-call.ts"
import type { Asking } from "./asking.ts"
import { requireScope } from "./call-site.ts"
import { governedHostedMcp, type HostedMcpCall } from "./hosted-mcp.ts"
import { withInvoke } from "./mcp-binding.ts"
import { onlyParsing, onlyWith, parseArgs } from "./parse-args.ts"
import { isHostedMcp, mark, requireFunctionTool, requireTerms, requireToolOptions } from "./require-tool.ts"
import { leave, runCall, runDirectly, slotOf } from "./run-call.ts"
import type {
  AnyFunctionTool,
  ArgsOf,
  CallDetails,
  GovernedTerms,
  GovernedToolOptions,
  WrappedTerms,
} from "./types.ts"

/**
 * A new tool under a wallet, from what `tool()` takes and terms: the form that sees whether `execute` fails, and so
 * the one with `onError`.
 * @throws {NornrError} `invalid_option`, `invalid_amount` for bad terms
 */
export function governedTool<
  P extends ToolInputParameters,
  C = unknown,
  R = unknown,
  S extends ToolOutputSchema | undefined = undefined,
>(options: GovernedToolOptions<P, C, S, R>): FunctionTool<C, P, string>
/**
 * A tool of an MCP server that the provider calls, with `requireApproval: "always"`: each call is approved to the
 * provider by the wallet, and settled at its hold. It cannot wait for a reviewer.
 */
export function governedTool(tool: HostedMCPTool, terms: WrappedTerms<HostedMcpCall>): HostedMCPTool
/**
 * The same tool under a wallet: decided before it runs, run once a call, its decision in `customData.nornr` of its
 * result. Name, schema, guardrails, timeout, errors and types are the tool's own; so is its MCP server. What the
 * tool's `errorFunction` makes of a failure is a result to whoever calls it: its hold is settled then.
 * @throws {NornrError} `invalid_option`, `invalid_amount` for bad terms or what cannot be governed
 */
export function governedTool<T extends AnyFunctionTool>(tool: T, terms: WrappedTerms<ArgsOf<T>>): T
export function governedTool(given: unknown, terms?: unknown): unknown {
  const { type, execute } = (given ?? {}) as { readonly type?: unknown; readonly execute?: unknown }
  if (type === undefined && typeof execute === "function" && terms === undefined)
    return created(given as object)
  if (!isHostedMcp(given)) requireFunctionTool(given)
  requireTerms(terms, given.name)
  if (isHostedMcp(given)) return governedHostedMcp(given, terms as GovernedTerms<HostedMcpCall>)
  return wrapped({ tool: given, terms: terms as GovernedTerms<unknown> })
}

/** The tool with other ways of being asked for and called; what else it has, symbols too, is its own. */
function governedAs(governed: Governed, invoke: AnyFunctionTool["invoke"]): AnyFunctionTool {
  const { tool } = governed
  const own = {
    needsApproval: (context: RunContext<unknown>, input: unknown, callId?: string) =>
      needsApproval(governed, context, input, callId),
    inputGuardrails: [...(tool.inputGuardrails ?? []), guardrail(governed)],
    customDataExtractor: async (made: Parameters<NonNullable<typeof tool.customDataExtractor>>[0]) => ({
      ...(await tool.customDataExtractor?.(made)),
      ...(await slotOf(governed, askingOf(made.toolCall, made.runContext))),
    }),
  } satisfies Partial<AnyFunctionTool>
  return Object.create(Object.getPrototypeOf(tool), {
    ...Object.getOwnPropertyDescriptors(tool),
    ...Object.getOwnPropertyDescriptors({ ...own, [mark]: true }),
    invoke: withInvoke(tool.invoke, invoke),
  })
}

function wrapped(governed: Governed): AnyFunctionTool {
  const { tool } = governed
  return governedAs(governed, (context, text, details) =>
    runAs(governed, { text, context, details }, async (args) => {
      const once = await onlyWith(args, tool, details)
      const ran = (async () => tool.invoke(context, text, once.details))()
      await ran.catch(() => undefined)
      if (!once.differs()) return ran
      const problem = "Not run: its schema made other arguments of the same text than were decided."
      throw notCharged(new Error(problem))
    }),
  )
}

function created(options: object): AnyFunctionTool {
  const isTerm = (name: string) => name === "wallet" || name === "scope" || termNames.includes(name)
  const entries = Object.entries(options)
  const terms = Object.fromEntries(entries.filter(([name]) => isTerm(name)))
  const own = Object.fromEntries(entries.filter(([name]) => !isTerm(name))) as ToolOptions<undefined>
  const { execute } = own as { readonly execute: (...given: readonly unknown[]) => unknown }
  const name = own.name ?? execute.name
  requireToolOptions(name, Object.keys(own))
  checkTerms(terms, ["scope"], name)
  requireScope(terms["scope"])
  const governed: { tool: AnyFunctionTool; terms: GovernedTerms<unknown> } = {
    tool: createTool({
      ...own,
      name,
      execute: (args: unknown, context?: RunContext<unknown>, details?: CallDetails) => {
        const text = details?.toolCall?.arguments ?? JSON.stringify(args)
        const made = { text, context: context as RunContext<unknown>, details }
        return runAs(governed, made, (decided) => execute.call(options, decided, context, details))
      },
    } as ToolOptions<undefined>) as AnyFunctionTool,
    terms: terms as unknown as GovernedTerms<unknown>,
  }
  // What runs are the arguments that are decided, whoever has changed them on the way.
  return governedAs(governed, (context, text, details) =>
    governed.tool.invoke(context, text, detailsWith(details, text)),
  )
}

function detailsWith(details: CallDetails, text: string): CallDetails {
  const { toolCall } = details ?? {}
  if (toolCall === undefined || toolCall.arguments === text) return details
  return { ...details, toolCall: { ...toolCall, arguments: text } }
}

interface Made {
  /** The arguments as the model wrote them. */
  readonly text: string
  readonly context: RunContext<unknown>
  readonly details: CallDetails
}

async function runAs(
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
    return await tool.needsApproval(context, call === undefined ? input : call.use.args, callId)
  } catch (error) {
    if (call !== undefined) await leave(governed.terms, call)
    throw error
  }
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
