import { type Decision, NornrError, type WalletSource, walletOf } from "@nornr/core"
import {
  asBag,
  messagesOf,
  runOf,
  type Site,
  speakerOf,
  text,
  toolCallKey,
  toolCallsOf,
} from "./graph/site.ts"

/** Cancels what waits for a review of calls that a new message of the user has left behind. */
export async function cancelOrphans(source: WalletSource, state: unknown, site: Site): Promise<void> {
  const messages = messagesOf(state)
  const lastHuman = messages.findLastIndex((message) => typeOf(message) === "human")
  for (const [index, message] of messages.slice(0, Math.max(lastHuman, 0)).entries()) {
    const calls = toolCallsOf(message)
    const answered = calls.length === 0 ? undefined : answersTo(messages, index)
    const orphans = calls.filter(({ id }) => id !== undefined && answered?.has(id) === false)
    for (const call of orphans) await cancelOne(source, message, call, site)
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
  await wallet.cancel(decision).catch((error: unknown) => {
    // A reviewer was faster: nobody will resume what was decided.
    if (!NornrError.isInstance(error) || error.code !== "state_conflict") throw error
  })
}

/** An agent that is a tool of another may be handed the other's messages, and what waits there. */
function isOfSameGraph({ run }: Decision, { namespace }: Site): boolean {
  return pathOf(run.namespace) === pathOf(namespace)
}

function pathOf(namespace = ""): string {
  return namespace.split("|").slice(0, -1).join("|")
}

function typeOf(message: object): unknown {
  const { getType, _getType } = message as { getType?: () => unknown; _getType?: () => unknown }
  return (getType ?? _getType)?.call(message)
}
