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
import { governedHostedMcp, type HostedMcpCall } from "./hosted-mcp.ts"
import { withInvoke } from "./mcp-binding.ts"
import { onlyParsing, parseArgs } from "./parse-args.ts"
import { askAhead, callOf, type Governed, lookAgain, runCall, runDirectly, slotOf } from "./tool-call.ts"
import type { AnyFunctionTool, ArgsOf, CallDetails, GovernedTerms, GovernedToolOptions } from "./types.ts"

/**
 * The same tool under a wallet: decided before it runs, run once a call, its decision in `customData.nornr` of its
 * result. Name, schema, guardrails, timeout, errors and types are the tool's own; so is its MCP server. What the
 * tool's `errorFunction` makes of a failure is a result to whoever calls it: its hold is settled then.
 * @throws {NornrError} `invalid_option`, `invalid_amount` for bad terms or what cannot be governed
 */
export function governedTool<T extends AnyFunctionTool>(tool: T, terms: GovernedTerms<ArgsOf<T>>): T
/**
 * A tool of an MCP server that the provider calls, with `requireApproval: "always"`: each call is approved to the
 * provider by the wallet, and settled at its hold. It cannot wait for a reviewer.
 */
export function governedTool(tool: HostedMCPTool, terms: GovernedTerms<HostedMcpCall>): HostedMCPTool
/**
 * A new tool under a wallet, from what `tool()` takes and terms: the form that sees whether `execute` fails, and so
 * the one with `onError`.
 */
export function governedTool<
  P extends ToolInputParameters,
  C = unknown,
  R = unknown,
  S extends ToolOutputSchema | undefined = undefined,
>(options: GovernedToolOptions<P, C, S, R>): FunctionTool<C, P, string>
export function governedTool(given: unknown, terms?: unknown): unknown {
  const { type, execute } = (given ?? {}) as { readonly type?: unknown; readonly execute?: unknown }
  if (type === undefined && typeof execute === "function" && terms === undefined)
    return created(given as object)
  if (isHostedMcp(given)) return governedHostedMcp(given, terms as GovernedTerms<HostedMcpCall>)
  requireFunctionTool(given)
  checkTerms(terms, ["scope"], given.name)
  return wrapped({ tool: given, terms: terms as GovernedTerms<unknown> })
}

export function isHostedMcp(tool: unknown): tool is HostedMCPTool {
  const { type, name } = (tool ?? {}) as { readonly type?: unknown; readonly name?: unknown }
  return type === "hosted_tool" && name === "hosted_mcp"
}

/** @throws {NornrError} `invalid_option` */
export function requireFunctionTool(tool: unknown): asserts tool is AnyFunctionTool {
  const { type, name, invoke, on } = (tool ?? {}) as Partial<Record<string, unknown>>
  if (type === "function" && typeof invoke === "function" && typeof on !== "function") return
  const called = typeof name === "string" ? `The tool ${JSON.stringify(name)}` : "What was given"
  if (type === "function" && typeof on === "function") {
    const remedy = "Put the tools of that agent under terms, or its model with governedModel."
    throw new NornrError("invalid_option", `${called} is an agent: a run of its own, no call to pay for.`, {
      remedy,
    })
  }
  const isTool = typeof type === "string" && typeof name === "string"
  const problem = isTool
    ? `${called} (${type}) cannot be governed: it runs at the provider, or where nothing can be decided before it.`
    : "What was given is no tool of the OpenAI Agents SDK, and no options for one."
  const remedy = isTool
    ? `Leave it out, or govern the model's calls alone; governedTools takes it as it is where allowUngated names it: allowUngated: [${JSON.stringify(name)}].`
    : "Pass what tool() gives and terms, or one object with what tool() takes and terms."
  throw new NornrError("invalid_option", problem, { remedy })
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
      ...(await slotOf(governed, made.toolCall, made.runContext)),
    }),
  } satisfies Partial<AnyFunctionTool>
  const { invoke: _, ...rest } = Object.getOwnPropertyDescriptors(tool)
  const copy = Object.create(Object.getPrototypeOf(tool), rest) as AnyFunctionTool
  return Object.defineProperty(Object.assign(copy, own), "invoke", withInvoke(tool.invoke, invoke))
}

function wrapped(governed: Governed): AnyFunctionTool {
  const { tool } = governed
  return governedAs(governed, (context, text, details) =>
    runAs(governed, { text, context, details }, () => tool.invoke(context, text, details)),
  )
}

function created(options: object): AnyFunctionTool {
  const names = new Set([...termNames, "wallet", "scope"])
  const entries = Object.entries(options)
  const terms = Object.fromEntries(entries.filter(([name]) => names.has(name)))
  const own = Object.fromEntries(entries.filter(([name]) => !names.has(name))) as ToolOptions<undefined>
  const { execute } = own as { readonly execute: (...given: readonly unknown[]) => unknown }
  const governed: { tool: AnyFunctionTool; terms: GovernedTerms<unknown> } = {
    tool: createTool({
      ...own,
      name: own.name ?? execute.name,
      execute: (args: unknown, context?: RunContext<unknown>, details?: CallDetails) => {
        const text = details?.toolCall?.arguments ?? JSON.stringify(args)
        const made = { text, context: context as RunContext<unknown>, details }
        return runAs(governed, made, () => execute(args, context, details))
      },
    } as ToolOptions<undefined>) as AnyFunctionTool,
    terms: terms as unknown as GovernedTerms<unknown>,
  }
  checkTerms(terms, ["scope"], governed.tool.name)
  return governedAs(governed, (context, text, details) => governed.tool.invoke(context, text, details))
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
  return tool.invoke(context, text, await onlyParsing(details))
}

/** Queued calls pause the run in the SDK's own way; refused and undecided ones go on to the guardrail. */
async function needsApproval(
  governed: Governed,
  context: RunContext<unknown>,
  input: unknown,
  callId: string | undefined,
): Promise<boolean> {
  const { tool } = governed
  try {
    const { decision, parsed } = await askAhead(governed, { callId, text: JSON.stringify(input), context })
    if (decision !== undefined && decision.status !== "approved") return decision.status === "queued"
    return await tool.needsApproval(context, parsed === undefined ? input : parsed.value, callId)
  } catch (error) {
    if (!NornrError.isInstance(error) || error.code === "aborted") throw error
    return false
  }
}

function guardrail(governed: Governed): NonNullable<AnyFunctionTool["inputGuardrails"]>[number] {
  return {
    type: "tool_input",
    name: "nornr",
    run: ({ context, toolCall: { name, callId, arguments: text } }) =>
      lookAgain(governed, { name, callId, text, context }),
  }
}
