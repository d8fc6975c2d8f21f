import { callKey, currentSpend, NornrError, type RunRef, within } from "@nornr/core"
import { type Asking, currentAgent } from "./asking.ts"
import { type KnownCall, knownCall } from "./known-calls.ts"
import type { Scoped } from "./types.ts"

/** A call that a model has made. */
export interface CallSite {
  readonly key: string
  readonly run: RunRef
  readonly context: unknown
  readonly known: KnownCall
}

/**
 * Names a call for good: by the conversation, the agent that made it and the id that the model gave it, which are
 * the same when its run is resumed, in whichever process.
 * @throws {NornrError} `invalid_intent` where another call might have that name, it has no id, or its scope no text
 */
export function callSite(tool: string, asking: Asking, { scope: scopeOf }: Scoped): CallSite {
  const { callId } = asking
  const { context } = asking.context
  if (callId === undefined || callId === "") {
    const problem = `The model gave its call of ${tool} no id: a repeat could not be told from a new call.`
    throw new NornrError("invalid_intent", problem, { remedy: "Use a provider that gives each call an id." })
  }
  const agent = currentAgent()
  const scope = scopeOf === undefined ? undefined : checkedScope(tool, () => scopeOf(context))
  if (scope === undefined) requireUnique(tool, callId)
  return {
    key: ownKey(callKey(scope ?? "", agent ?? "", callId)),
    run: {
      ...(agent !== undefined && { agent }),
      ...(scope !== undefined && { thread: scope }),
      call: within(callId, 256),
    },
    context,
    known: knownCall(tool, asking),
  }
}

/** Inside the run of the same name, a call is another one, whatever its id: that of a run that the tool has made. */
function ownKey(key: string): string {
  const { id, idempotencyKey: around = "" } = currentSpend()?.decision ?? { id: "" }
  return around === key || around.startsWith(`${key}/`) ? `${key}/${id}` : key
}

const howToScope = "from the context that run() is given: scope: (context) => context.conversation."

/** @throws {NornrError} `invalid_option` */
export function requireScope(scope: unknown): void {
  if (scope === undefined || typeof scope === "function") return
  const remedy = `Pass a function that names the conversation, ${howToScope}`
  throw new NornrError("invalid_option", `scope is ${JSON.stringify(scope)}.`, { remedy })
}

function checkedScope(tool: string, scopeOf: () => unknown): string {
  const remedy = `Let it give 1 to 256 characters that name the conversation, ${howToScope}`
  let scope: unknown
  try {
    scope = scopeOf()
  } catch (cause) {
    throw new NornrError("invalid_intent", `The scope of ${tool} threw: ${cause}.`, { remedy, cause })
  }
  if (typeof scope === "string" && scope !== "" && scope.length <= 256) return scope
  const gave = typeof scope === "string" ? `${scope.length} characters` : `${typeof scope}, no text`
  throw new NornrError("invalid_intent", `The scope of ${tool} gave ${gave}.`, { remedy })
}

/** Random ids, as OpenAI gives them, and UUIDs end in 16 letters and digits or more, which are no word and no count. */
function requireUnique(tool: string, callId: string): void {
  const [end = ""] = /[0-9a-z]*$/i.exec(callId.replaceAll("-", "")) ?? []
  if (end.length >= 16 && /\d/.test(end) && new Set(end).size >= 8 && /[a-z]/i.test(end)) return
  const problem = `The model's id of a call of ${tool} is ${JSON.stringify(callId)}: another conversation may have the same.`
  const remedy = `Give the terms a scope that names the conversation, ${howToScope} Where ids begin anew in each turn of the user, let it name the turn, too.`
  throw new NornrError("invalid_intent", problem, { remedy })
}
