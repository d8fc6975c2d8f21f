import type { Decision } from "@nornr/core"
import type { RunContext, RunToolApprovalItem } from "@openai/agents"
import { findCall } from "./known-calls.ts"

/** What a run has in common with a streamed one. */
export interface PausedRun {
  readonly interruptions: readonly RunToolApprovalItem[]
  // biome-ignore lint/suspicious/noExplicitAny: whatever context the run was given
  readonly runContext: RunContext<any>
}

/**
 * The decisions that a run waits for, as they were when it paused; an interruption that has none is no question to
 * the wallet, but one of the tool's own `needsApproval` or arguments that are no JSON. It knows what this process has
 * asked in that run: elsewhere, and after a restart, `wallet.queued()` lists what waits.
 */
export function pendingDecisions({ interruptions, runContext }: PausedRun): readonly Decision[] {
  return interruptions.flatMap(({ agent, rawItem }) => {
    if (rawItem.type !== "function_call") return []
    const { callId, name, arguments: text } = rawItem
    const decision = findCall(runContext, agent.name, name, { callId, text })?.decision
    return decision?.status === "queued" ? [decision] : []
  })
}
