import { callKey, type Decision, NornrError, type RunRef, within } from "@nornr/core"
import { getCurrentSpan, type RunContext } from "@openai/agents"
import type { Parsed } from "./parse-args.ts"
import type { Scoped } from "./types.ts"

/** What is known of a tool call while its run lasts. */
export interface KnownCall {
  /** The arguments as its tool gets them, and as they were written. */
  args?: { readonly text: string; readonly parsed: Parsed }
  /** As the ledger said last. */
  decision?: Decision
  /** Why it could not be decided. */
  error?: NornrError
  /** What the tool was let to do: begun is not ended where its time was over before. */
  state?: "begun" | "ended"
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
  callId: string | undefined,
  runContext: RunContext<unknown>,
  { scope: scopeOf }: Scoped,
): CallSite {
  const { context } = runContext
  if (callId === undefined || callId === "") {
    const problem = `The model gave its call of ${tool} no id: a repeat could not be told from a new call.`
    throw new NornrError("invalid_intent", problem, { remedy: "Use a provider that gives each call an id." })
  }
  const agent = currentAgent()
  const scope = scopeOf === undefined ? undefined : checkedScope(tool, scopeOf(context))
  if (scope === undefined) requireUnique(tool, callId)
  return {
    key: callKey(scope ?? "", agent ?? "", callId),
    run: {
      ...(agent !== undefined && { agent }),
      ...(scope !== undefined && { thread: scope }),
      call: within(callId, 256),
    },
    context,
    known: knownCall(runContext, tool, callId),
  }
}

function checkedScope(tool: string, scope: unknown): string {
  if (typeof scope === "string" && scope !== "" && scope.length <= 256) return scope
  const problem = `The scope of ${tool} gave ${typeof scope === "string" ? `${scope.length} characters` : scope}.`
  const remedy =
    "Let it give 1 to 256 characters that name the conversation, from the context that run() is given: scope: (context) => context.conversation."
  throw new NornrError("invalid_intent", problem, { remedy })
}

/** 16 random letters or digits, as OpenAI gives them, or a UUID: no two calls share those. */
function requireUnique(tool: string, callId: string): void {
  if (/[0-9a-z]{16,}$/i.test(callId.replaceAll("-", ""))) return
  const problem = `The model's id of a call of ${tool} is ${JSON.stringify(callId)}: another conversation may have the same.`
  const remedy =
    "Give the terms a scope that names the conversation, from the context that run() is given: scope: (context) => context.conversation."
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

export function knownCall(runContext: RunContext<unknown>, tool: string, callId: string): KnownCall {
  const agent = currentAgent()
  const calls = runs.get(runOf(runContext)) ?? new Map<string, KnownCall>()
  runs.set(runOf(runContext), calls)
  const name = callName(agent, tool, callId)
  const known = calls.get(name) ?? {}
  calls.set(name, known)
  return known
}

/** Looks a call up without making it known. */
export function findCall(
  runContext: RunContext<unknown>,
  agent: string | undefined,
  tool: string,
  callId: string,
): KnownCall | undefined {
  return runs.get(runOf(runContext))?.get(callName(agent, tool, callId))
}

/** What was known of a call that is over. */
export function takeCall(
  runContext: RunContext<unknown>,
  tool: string,
  callId: string,
): KnownCall | undefined {
  const agent = currentAgent()
  const known = findCall(runContext, agent, tool, callId)
  runs.get(runOf(runContext))?.delete(callName(agent, tool, callId))
  return known
}

function runOf(runContext: RunContext<unknown>): object {
  const { context } = runContext
  return typeof context === "object" && context !== null ? context : runContext
}

function callName(agent: string | undefined, tool: string, callId: string): string {
  return callKey(agent ?? "", tool, callId)
}
