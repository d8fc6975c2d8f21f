import { type BaseMessage, isBaseMessage, ToolMessage } from "@langchain/core/messages"
import { type Decision, decisionOf } from "@nornr/core"
import { commandWith, isCommand } from "./graph/graph-command.ts"
import { asBag } from "./graph/site.ts"

/**
 * The tool's own artifact with the decision in it. One that has no fields of its own (a list of documents, an
 * instance) is left as it is: the decision is in `response_metadata.nornr` then.
 */
export function artifactWith(artifact: unknown, decision: Decision): unknown {
  return hasPlace(artifact) ? { ...asBag(artifact), nornr: decision } : artifact
}

export function hasPlace(artifact: unknown): boolean {
  if (artifact === undefined || artifact === null) return true
  const prototype = typeof artifact === "object" ? Object.getPrototypeOf(artifact) : undefined
  return prototype === Object.prototype || (prototype === null && typeof artifact === "object")
}

/**
 * A tool's message with the decision on it: a copy, since a tool may share its own between calls, unless it carries
 * the decision already and so is of this call alone.
 */
export function messageWith(message: ToolMessage, decision: Decision): ToolMessage {
  if (decisionOf(message)?.id === decision.id) return brought(message, decision)
  const { content, artifact, status, name, id, tool_call_id, metadata, additional_kwargs } = message
  const response_metadata = hasPlace(artifact)
    ? message.response_metadata
    : { ...message.response_metadata, nornr: decision }
  const fields = {
    ...{ content, name, id, tool_call_id, additional_kwargs, response_metadata },
    ...(status !== undefined && { status }),
    ...(metadata !== undefined && { metadata }),
    artifact: artifactWith(artifact, decision),
  }
  return new ToolMessage({ ...asBag(message.lc_kwargs), ...fields } as ConstructorParameters<
    typeof ToolMessage
  >[0])
}

/** The decision as it is now, where it was before. */
function brought(message: ToolMessage, decision: Decision): ToolMessage {
  const { artifact } = message
  const response_metadata = { ...message.response_metadata, nornr: decision }
  const fields = hasPlace(artifact) ? { artifact: artifactWith(artifact, decision) } : { response_metadata }
  Object.assign(asBag(message.lc_kwargs), fields)
  return Object.assign(message, fields)
}

/** What a tool gave to the graph itself, with the decision on the message that answers the call. */
export function directWith<T>(output: T, decision: Decision, callId: string | undefined): T {
  if (isToolMessage(output)) return messageWith(output, decision) as T
  if (!isCommand(output)) return output
  const update = updateWith(output.update, (message) =>
    isToolMessage(message) && message.tool_call_id === callId ? messageWith(message, decision) : message,
  )
  return commandWith(output, update) as T
}

function updateWith(update: unknown, change: (message: BaseMessage) => BaseMessage): unknown {
  const one = (value: unknown) => (isBaseMessage(value) ? change(value) : value)
  const inList = (value: unknown) => (Array.isArray(value) ? value.map(one) : one(value))
  if (Array.isArray(update)) {
    return update.map((each) =>
      Array.isArray(each) && each.length === 2 ? [each[0], inList(each[1])] : each,
    )
  }
  if (typeof update !== "object" || update === null || !("messages" in update)) return update
  return { ...update, messages: inList(update.messages) }
}

export function isToolMessage(value: unknown): value is ToolMessage {
  return isBaseMessage(value) && value.getType() === "tool"
}
