import { checkTerms, isGoverned, NornrError, termNames } from "@nornr/core"
import type { HostedMCPTool } from "@openai/agents"
import { requireScope } from "./call-site.ts"
import type { AnyFunctionTool, GovernedTerms } from "./types.ts"

export function isHostedMcp(tool: unknown): tool is HostedMCPTool {
  const { type, name } = (tool ?? {}) as { readonly type?: unknown; readonly name?: unknown }
  return type === "hosted_tool" && name === "hosted_mcp"
}

/** @throws {NornrError} `invalid_option` */
export function requireFunctionTool(tool: unknown): asserts tool is AnyFunctionTool {
  const { type, name, invoke, on, then, asTool, execute } = (tool ?? {}) as Record<string, unknown>
  const isFunction = type === "function" && typeof invoke === "function" && typeof on !== "function"
  if (isFunction && !isGoverned(tool)) return
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

/** @throws {NornrError} as `checkTerms` */
export function requireTerms(terms: unknown, tool: string): void {
  checkTerms(terms ?? {}, ["scope"], tool)
  const { scope, onError } = terms as GovernedTerms<unknown>
  requireScope(scope)
  if (onError === undefined) return
  const problem = `${tool}.onError is given to a tool whose failures the SDK hides: it would never be heeded.`
  const remedy =
    "Make the tool under its terms: governedTool({ name, description, parameters, execute, …terms })."
  throw new NornrError("invalid_option", problem, { remedy })
}

const toolOptions: ReadonlySet<string> = new Set([
  ...["name", "description", "parameters", "strict", "execute", "needsApproval", "isEnabled", "providerData"],
  ...["errorFunction", "outputSchema", "timeoutMs", "timeoutBehavior", "timeoutErrorFunction"],
  ...["inputGuardrails", "outputGuardrails", "customDataExtractor", "deferLoading", "allowedCallers"],
])

/** A misspelt term would be an option that the SDK ignores. */
export function requireToolOptions(tool: string, names: readonly string[]): void {
  const unknown = names.find((name) => !toolOptions.has(name))
  if (unknown === undefined) return
  const problem = `${tool}.${unknown} is no option of tool(), and no term.`
  const remedy = `Terms are: wallet, scope, ${termNames.join(", ")}. What a newer SDK knows goes to tool(): wrap what it gives.`
  throw new NornrError("invalid_option", problem, { remedy })
}
