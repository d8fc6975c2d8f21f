import { callKey, type Decision, type WalletSource, walletOf } from "@nornr/core"
import {
  asBag,
  messagesOf,
  parentOf,
  runOf,
  type Site,
  speakerOf,
  text,
  toolCallKey,
  toolCallsOf,
} from "./graph/site.ts"

/**
 * Cancels what waits for a review of calls that a new message of the user has left behind: those of the turn before.
 * What cannot be canceled now expires.
 */
export async function cancelOrphans(
  source: WalletSource,
  names: ReadonlySet<string> | undefined,
  state: unknown,
  site: Site,
): Promise<void> {
  const messages = messagesOf(state)
  const lastHuman = messages.findLastIndex((message) => typeOf(message) === "human")
  const end = messages.findLastIndex((message, at) => at < lastHuman && typeOf(message) !== "human")
  const start = messages.findLastIndex((message, at) => at < end && typeOf(message) === "human")
  for (let index = start + 1; index <= end; index++) {
    const calls = toolCallsOf(messages[index] ?? {})
    const answered = calls.length === 0 ? undefined : answersTo(messages, index)
    for (const call of calls) {
      const isOurs = names === undefined || names.has(call.name ?? "")
      if (!isOurs || call.id === undefined || answered?.has(call.id)) continue
      await cancelOne(source, messages[index] ?? {}, call, site).catch(() => undefined)
    }
  }
}

/**
 * Cancels what waits for a review of a model call that an earlier turn of this agent had made. An agent inside
 * another graph may run several times at once: what its earlier turns left expires.
 */
export async function cancelLeftModelCalls(source: WalletSource, state: unknown, site: Site): Promise<void> {
  const last = messagesOf(state).at(-1)
  const { thread, scope = "", task = "", context } = site
  const isOutermost = parentOf(site.namespace) === ""
  if (thread === undefined || !isOutermost || last === undefined || typeOf(last) !== "human") return
  try {
    const wallet = await walletOf(source, { tool: "model", run: runOf(site), context })
    for (const decision of await wallet.queued({ thread })) {
      const isOwn = decision.idempotencyKey?.startsWith(callKey(scope, task, "model")) === true
      if (decision.run.tool !== "model" || isOwn || !isOfSameGraph(decision, site)) continue
      await wallet.cancel(decision)
    }
  } catch {
    // What cannot be canceled now expires.
  }
}

/** What answers a message stands before the next one that is no answer. */
function answersTo(messages: ReturnType<typeof messagesOf>, index: number): ReadonlySet<unknown> {
  const after = messages.slice(index + 1)
  const end = after.findIndex((message) => typeOf(message) !== "tool")
  return new Set((end < 0 ? after : after.slice(0, end)).map(({ tool_call_id: id }) => id))
}

async function cancelOne(
  source: WalletSource,
  message: object,
  { id = "", name: tool = "" }: ReturnType<typeof toolCallsOf>[number],
  site: Site,
): Promise<void> {
  const asking = { id: text(asBag(message)["id"]), name: text(asBag(message)["name"]) }
  const key = toolCallKey(site, asking, id)
  if (key === undefined) return
  const run = runOf(site, speakerOf(asking, site), id)
  const wallet = await walletOf(source, { tool, run, context: site.context })
  const decision = await wallet.decision(key)
  if (decision?.status !== "queued" || !isOfSameGraph(decision, site)) return
  await wallet.cancel(decision)
}

/** An agent that is a tool of another may be handed the other's messages, and what waits there. */
function isOfSameGraph({ run }: Decision, { namespace }: Site): boolean {
  return parentOf(run.namespace) === parentOf(namespace)
}

function typeOf(message: object): unknown {
  const { getType, _getType } = message as { getType?: () => unknown; _getType?: () => unknown }
  return (getType ?? _getType)?.call(message)
}
