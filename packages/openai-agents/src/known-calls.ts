import { callKey, type Decision, type NornrError } from "@nornr/core"
import type { RunContext } from "@openai/agents"
import { type Asking, currentAgent } from "./asking.ts"
import { jsonOr, type Parsed } from "./parse-args.ts"

/** What is known of a tool call while its run lasts. */
export interface KnownCall {
  /** The arguments as its tool gets them. */
  args?: { readonly parsed: Parsed }
  /** As the ledger said last. */
  decision?: Decision
  /** Whether this run was given the approval, which nobody else can be about to use. */
  isOwn?: boolean
  /** Why it could not be decided. */
  error?: NornrError
  /** What the tool was let to do: begun is not ended where its time was over before. */
  state?: "begun" | "ended"
}

/** Agents that are tools of others run under contexts of their own; what the user hands down is one object. */
const runs = new WeakMap<object, Map<string, KnownCall>>()

/** Calls that never end leave something behind, and a context may be shared for long: the oldest are forgotten. */
const most = 1000

export function knownCall(tool: string, { callId = "", text, context }: Asking): KnownCall {
  const calls = runs.get(runOf(context)) ?? new Map<string, KnownCall>()
  runs.set(runOf(context), calls)
  const name = callName(currentAgent(), tool, callId, text)
  const known = calls.get(name) ?? {}
  calls.set(name, known)
  const [oldest = ""] = calls.keys()
  if (calls.size > most) calls.delete(oldest)
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
  return callKey(agent ?? "", tool, callId, JSON.stringify(jsonOr(text)))
}
