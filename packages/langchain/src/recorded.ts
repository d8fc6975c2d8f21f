import {
  type BaseMessage,
  isBaseMessage,
  mapChatMessagesToStoredMessages,
  mapStoredMessagesToChatMessages,
  RemoveMessage,
  type StoredMessage,
} from "@langchain/core/messages"
import { type Codec, codecOf } from "@nornr/core"
import { GraphCommand, isCommand } from "./graph/graph-command.ts"
import { langgraph } from "./graph/langgraph.ts"
import { asBag, type Site } from "./graph/site.ts"

/**
 * What tools, nodes and models give, as text and back: messages, commands, dates, sets and the like as they were,
 * other instances as the JSON that they make of themselves, as a checkpointer keeps them.
 */
export async function codecIn(site: Site): Promise<Codec<unknown>> {
  const known = site.task === undefined ? undefined : await langgraph()
  const send = ({ node, args }: { node: string; args: unknown }) =>
    known === undefined ? { lg_name: "Send", node, args } : new known.Send(node, args)
  const command = (fields: object) =>
    known === undefined ? new GraphCommand(fields) : new known.Command(fields)
  const remove = (id: string) => new RemoveMessage({ id })
  return codecOf(reducers, { message: toMessage, remove, command, send })
}

/** Asked in this order; what gives false is not theirs. */
const reducers = {
  remove: (value: unknown) => isBaseMessage(value) && value.getType() === "remove" && value.id,
  message: (value: unknown) => isBaseMessage(value) && fromMessage(value),
  command: (value: unknown) => isCommand(value) && fieldsOf(value, ["graph", "update", "goto", "resume"]),
  send: (value: unknown) => asBag(value)["lg_name"] === "Send" && fieldsOf(value, ["node", "args"]),
}

function fromMessage(message: BaseMessage): unknown {
  const [stored] = mapChatMessagesToStoredMessages([message])
  return stored
}

function toMessage(stored: StoredMessage): unknown {
  return mapStoredMessagesToChatMessages([stored])[0]
}

function fieldsOf(value: unknown, names: readonly string[]): object {
  const fields = names.map((name) => [name, asBag(value)[name]] as const)
  return Object.fromEntries(fields.filter(([, field]) => field !== undefined))
}
