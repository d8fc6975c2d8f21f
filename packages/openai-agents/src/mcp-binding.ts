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

/** V8 gives the callers unformatted to whoever takes them so; elsewhere the tool is governed, and has no server. */
function isAskedForBinding(): boolean {
  const { stackTraceLimit, prepareStackTrace } = Error
  try {
    Error.stackTraceLimit = 4
    Error.prepareStackTrace = (_, callers) => callers.map((caller) => caller.getFunctionName())
    const callers: unknown = new Error().stack
    return Array.isArray(callers) && callers.includes("getMcpToolBinding")
  } finally {
    Object.assign(Error, { stackTraceLimit, prepareStackTrace })
  }
}
