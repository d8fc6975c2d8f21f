import type { AnyFunctionTool } from "./types.ts"

/**
 * Gives a tool another `invoke` without taking its MCP server from it. The SDK knows the server of an MCP tool by the
 * identity of its `invoke`, keeps it in saved states, and resumes a call with the same server alone: the one function
 * that looks it up, and nobody else, is shown the tool's own. Where that cannot be recognized (code that was bundled,
 * a copy of the tool), such a state is refused.
 */
export function withInvoke(
  own: AnyFunctionTool["invoke"],
  governed: AnyFunctionTool["invoke"],
): PropertyDescriptor {
  return {
    get: () => (isAskedForBinding() ? own : governed),
    set(this: object, value: unknown) {
      Object.defineProperty(this, "invoke", { value, writable: true, enumerable: true, configurable: true })
    },
    enumerable: true,
    configurable: true,
  }
}

/** V8 gives the callers of a function, unformatted, to whoever takes them so. */
function isAskedForBinding(): boolean {
  const { stackTraceLimit, prepareStackTrace } = Error
  if (Object.isFrozen(Error)) return false
  try {
    Error.stackTraceLimit = 3
    Error.prepareStackTrace = (_, [_self, _getter, caller]) =>
      caller?.getFunctionName() === "getMcpToolBinding" &&
      /[/\\]toolIdentity\.m?js$/.test(caller.getFileName() ?? "")
    return (new Error().stack as unknown) === true
  } finally {
    Object.assign(Error, { stackTraceLimit, prepareStackTrace })
  }
}
