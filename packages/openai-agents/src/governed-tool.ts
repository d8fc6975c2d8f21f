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
import type { Governed } from "./ask-call.ts"
import { requireScope } from "./call-site.ts"
import { governedAs, runAs } from "./doors.ts"
import { governedHostedMcp, type HostedMcpCall } from "./hosted-mcp.ts"
import { detailsWith, onlyWith } from "./parse-args.ts"
import { isHostedMcp, requireFunctionTool, requireTerms, requireToolOptions } from "./require-tool.ts"
import { runDirectly } from "./run-call.ts"
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
      execute: async (args: unknown, given?: RunContext<unknown>, details?: CallDetails) => {
        const context = given as RunContext<unknown>
        const run = (decided: unknown) => execute.call(options, decided, given, details)
        const text = details?.toolCall?.arguments
        if (text !== undefined) return runAs(governed, { text, context, details }, run)
        try {
          return await runDirectly(governed, args, () => run(args), context)
        } catch (error) {
          if (NornrError.isInstance(error)) (details as Direct | undefined)?.[refusing]?.(error)
          throw error
        }
      },
    } as ToolOptions<undefined>) as AnyFunctionTool,
    terms: terms as unknown as GovernedTerms<unknown>,
  }
  // What runs are the arguments that are decided, whoever has changed them on the way.
  return governedAs(governed, (context, text, details) =>
    details?.toolCall === undefined
      ? callDirectly(governed.tool, context, text, details)
      : governed.tool.invoke(context, text, detailsOf(details, text)),
  )
}

function detailsOf(details: CallDetails, text: string): CallDetails {
  const { toolCall } = details ?? {}
  if (toolCall === undefined || toolCall.arguments === text) return details
  return detailsWith(details, { toolCall: { ...toolCall, arguments: text } })
}

/** Where a tool that code has called itself says that it was refused: the SDK would make a text of that. */
const refusing: unique symbol = Symbol("nornr.refusing")

interface Direct {
  readonly [refusing]?: (error: unknown) => void
}

async function callDirectly(
  tool: AnyFunctionTool,
  context: RunContext<unknown>,
  text: string,
  details: CallDetails,
): Promise<unknown> {
  let refusal: { readonly error: unknown } | undefined
  const note = (error: unknown) => {
    refusal = { error }
  }
  const result = await tool.invoke(context, text, detailsWith(details, { [refusing]: note }))
  if (refusal === undefined) return result
  throw refusal.error
}
