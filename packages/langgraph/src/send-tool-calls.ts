import { END, Send } from "@langchain/langgraph"
import { asBag, messagesOf, toolCallsOf } from "@nornr/langchain/graph"

/**
 * A router that sends each tool call of the last message to a node in a task of its own, so that one that waits
 * for a review keeps no other from ending, and none runs again when it resumes. Without calls: `otherwise`, END by
 * default.
 */
export function sendToolCalls<const N extends string, const O extends string = typeof END>(
  node: N,
  otherwise: O = END as O,
): (state: { readonly messages: readonly unknown[] }) => Send<N>[] | O {
  return (state) => {
    const messages = messagesOf(state)
    const asking = messages.findLastIndex(({ tool_call_id: answered }) => answered === undefined)
    const answers = new Set(messages.slice(asking + 1).map(({ tool_call_id: answered }) => answered))
    const calls = toolCallsOf(asBag(messages[asking])).filter(({ id }) => !answers.has(id))
    return calls.length === 0
      ? otherwise
      : calls.map((call) => new Send(node, { ...state, lg_tool_call: call }))
  }
}
