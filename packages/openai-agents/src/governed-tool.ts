import { checkTerms, NornrError, termNames } from "@nornr/core"
import {
  tool as createTool,
  type FunctionTool,
  type HostedMCPTool,
  type RunContext,
  type ToolInputParameters,
  type ToolOptions,
  type ToolOutputSchema,
} from "@openai/agents"
import { type Asking, requireScope } from "./call-site.ts"
import { governedHostedMcp, type HostedMcpCall } from "./hosted-mcp.ts"
import { withInvoke } from "./mcp-binding.ts"
import { onlyParsing, parseArgs } from "./parse-args.ts"
import { askAhead, callOf, type Governed, lookAgain, runCall, runDirectly, slotOf } from "./tool-call.ts"
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

function requireTerms(terms: unknown, tool: string): void {
  checkTerms(terms ?? {}, ["scope"], tool)
  const { scope, onError } = terms as GovernedTerms<unknown>
  requireScope(scope)
  if (onError === undefined) return
  const problem = `${tool}.onError is given to a tool whose failures the SDK hides: it would never be heeded.`
  const remedy =
    "Make the tool under its terms: governedTool({ name, description, parameters, execute, …terms })."
  throw new NornrError("invalid_option", problem, { remedy })
}

export function isHostedMcp(tool: unknown): tool is HostedMCPTool {
  const { type, name } = (tool ?? {}) as { readonly type?: unknown; readonly name?: unknown }
  return type === "hosted_tool" && name === "hosted_mcp"
}

/** @throws {NornrError} `invalid_option` */
export function requireFunctionTool(tool: unknown): asserts tool is AnyFunctionTool {
  const {
    type,
    name,
    invoke,
    on,
    then,
    asTool,
    execute,
    [mark]: isMarked,
  } = (tool ?? {}) as Record<string | symbol, unknown>
  const isFunction = type === "function" && typeof invoke === "function" && typeof on !== "function"
  if (isFunction && isMarked !== true) return
  const called = typeof name === "string" ? `The tool ${JSON.stringify(name)}` : "What was given"
  const refuse = (problem: string, remedy: string): never => {
    throw new NornrError("invalid_option", `${called} ${problem}`, { remedy })
  }
  if (isFunction) refuse("is under terms already.", "Give them in one place, to the bare tool.")
  if (typeof on === "function" || typeof asTool === "function") {
    const remedy = "Put the tools of that agent under terms, or its model with governedModel."
    refuse("is an agent: a run of its own, no call to pay for.", remedy)
  }
  if (typeof then === "function") refuse("is a promise.", "Await it.")
  if (type === undefined && typeof execute === "function") {
    refuse("is no tool yet.", "Pass its terms in the same object, or what tool() makes of it and terms.")
  }
  if (typeof type !== "string" || typeof name !== "string") {
    const remedy = "Pass what tool() gives and terms, or one object with what tool() takes and terms."
    refuse("is no tool of the OpenAI Agents SDK, and no options for one.", remedy)
  }
  refuse(
    `(${type}) cannot be governed: it runs at the provider, or where nothing can be decided before it.`,
    `Take it out of the terms; governedTools takes it as it is where allowUngated names it: allowUngated: [${JSON.stringify(name)}].`,
  )
}

/** Known by every copy of this module in the process, and kept by copies of the tool. */
const mark = Symbol.for("nornr.governedTool/1")

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
    runAs(governed, { text, context, details }, () => tool.invoke(context, text, details)),
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
        return runAs(governed, made, () => execute.call(options, args, context, details))
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

const toolOptions: ReadonlySet<string> = new Set([
  ...["name", "description", "parameters", "strict", "execute", "needsApproval", "isEnabled", "providerData"],
  ...["errorFunction", "outputSchema", "timeoutMs", "timeoutBehavior", "timeoutErrorFunction"],
  ...["inputGuardrails", "outputGuardrails", "customDataExtractor", "deferLoading", "allowedCallers"],
])

/** A misspelt term would be an option that the SDK ignores. */
function requireToolOptions(tool: string, names: readonly string[]): void {
  const unknown = names.find((name) => !toolOptions.has(name))
  if (unknown === undefined) return
  const problem = `${tool}.${unknown} is no option of tool(), and no term.`
  const remedy = `Terms are: wallet, scope, ${termNames.join(", ")}. What a newer SDK knows goes to tool(): wrap what it gives.`
  throw new NornrError("invalid_option", problem, { remedy })
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
  run: () => unknown,
): Promise<unknown> {
  const { tool } = governed
  const toolCall = details?.toolCall
  if (toolCall !== undefined) {
    const call = await callOf(governed, { callId: toolCall.callId, text, context })
    if (call !== undefined) return runCall(governed, call, run, [context, details])
  } else {
    const args = await parseArgs(tool, text)
    if (args !== undefined) return runDirectly(governed, args.value, run, context)
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
  const { decision, parsed } = asked
  if (decision !== undefined && decision.status !== "approved") return decision.status === "queued"
  return tool.needsApproval(context, parsed === undefined ? input : parsed.value, callId)
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
