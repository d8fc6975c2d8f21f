import { callKey, currentSpend, type Decision, NornrError, type RunRef, within } from "@nornr/core"
import { getCurrentSpan, type RunContext } from "@openai/agents"
import type { Parsed } from "./parse-args.ts"
import type { Scoped } from "./types.ts"

/** What is known of a tool call while its run lasts. */
export interface KnownCall {
  /** The arguments as its tool gets them. */
  args?: Parsed
  /** As the ledger said last. */
  decision?: Decision
  /** Whether this run has made the decision, and nobody else can be about to use it. */
  isOwn?: boolean
  /** Why it could not be decided. */
  error?: NornrError
  /** What the tool was let to do: begun is not ended where its time was over before. */
  state?: "begun" | "ended"
}

/** What a model wants of a tool. */
export interface Asking {
  readonly callId: string | undefined
  /** The arguments as the model wrote them. */
  readonly text: string
  readonly context: RunContext<unknown>
}

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
 * @throws {NornrError} `invalid_intent` where another call might have that name
 */
export function callSite(
  tool: string,
  { callId, text, context: runContext }: Asking,
  { scope: scopeOf }: Scoped,
): CallSite {
  const { context } = runContext
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
    known: knownCall(runContext, tool, callId, text),
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

/** The agent whose turn it is, which the SDK tells its spans alone, traced or not. */
export function currentAgent(): string | undefined {
  let span: Spanning | null | undefined = getCurrentSpan() as Spanning | null
  while (span !== null && span !== undefined) {
    if (span.spanData?.type === "agent") return span.spanData.name
    span = span.previousSpan
  }
  return undefined
}

interface Spanning {
  readonly spanData?: { readonly type?: string; readonly name?: string }
  readonly previousSpan?: Spanning
}

/** Agents that are tools of others run under contexts of their own; what the user hands down is one object. */
const runs = new WeakMap<object, Map<string, KnownCall>>()

export function knownCall(
  runContext: RunContext<unknown>,
  tool: string,
  callId: string,
  text: string,
): KnownCall {
  const calls = runs.get(runOf(runContext)) ?? new Map<string, KnownCall>()
  runs.set(runOf(runContext), calls)
  const name = callName(currentAgent(), tool, callId, text)
  const known = calls.get(name) ?? {}
  calls.set(name, known)
  return known
}

/** Looks a call up without making it known. */
export function findCall(
  runContext: RunContext<unknown>,
  agent: string | undefined,
  tool: string,
  { callId, text }: Pick<Asking, "callId" | "text">,
): KnownCall | undefined {
  return runs.get(runOf(runContext))?.get(callName(agent, tool, callId ?? "", text))
}

/** What was known of a call that is over. */
export function takeCall(tool: string, { callId = "", text, context }: Asking): KnownCall | undefined {
  const agent = currentAgent()
  const known = findCall(context, agent, tool, { callId, text })
  runs.get(runOf(context))?.delete(callName(agent, tool, callId, text))
  return known
}

function runOf(runContext: RunContext<unknown>): object {
  const { context } = runContext
  return typeof context === "object" && context !== null ? context : runContext
}

/** Ids may be the same in two runs that share a context: then the arguments tell them apart, or the ledger does. */
function callName(agent: string | undefined, tool: string, callId: string, text: string): string {
  return callKey(agent ?? "", tool, callId, jsonOf(text))
}

function jsonOf(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text))
  } catch {
    return text
  }
}
