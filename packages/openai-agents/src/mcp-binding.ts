import type { AnyFunctionTool } from "./types.ts"

/**
 * Gives a tool another `invoke` without taking its MCP server from it. The SDK knows the server of an MCP tool by the
 * identity of its `invoke`, keeps it in saved states, and resumes a call with the same server alone: there, and
 * nowhere else, it is shown the tool's own. Where it cannot be recognized (minified code), such a state is refused.
 */
export function withInvoke(
  own: AnyFunctionTool["invoke"],
  governed: AnyFunctionTool["invoke"],
): PropertyDescriptor {
  return {
    get: () => (isAskedForBinding() ? own : governed),
    enumerable: true,
    configurable: true,
  }
}

function isAskedForBinding(): boolean {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 4
  const { stack = "" } = new Error()
  Error.stackTraceLimit = stackTraceLimit
  return stack.includes("getMcpToolBinding")
}
