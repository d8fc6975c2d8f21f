import {
  isBaseMessage,
  mapChatMessagesToStoredMessages,
  mapStoredMessagesToChatMessages,
  type StoredMessage,
} from "@langchain/core/messages"
import type { Codec } from "@nornr/core"
import { GraphCommand, isCommand } from "./graph/graph-command.ts"

/** Marks what is no plain JSON in a recorded result. */
const mark = "lc:nornr"

/** Messages and commands, anywhere in what a tool or a model gave, as JSON and back. */
export const langchainCodec: Codec<unknown> = { encode, decode }

function encode(value: unknown): unknown {
  if (isBaseMessage(value)) {
    const [message] = mapChatMessagesToStoredMessages([value])
    return { [mark]: "message", message: JSON.parse(JSON.stringify(message)) }
  }
  if (isCommand(value)) {
    const { graph, update, goto, resume } = value
    return { [mark]: "command", command: encode({ graph, update, goto, resume }) }
  }
  if (Array.isArray(value)) return value.map(encode)
  if (!isPlain(value)) return value
  if (mark in value) throw new TypeError(`A result with the field ${mark} is not recorded.`)
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(fields.map(([name, field]) => [name, encode(field)]))
}

function decode(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decode)
  if (!isPlain(value)) return value
  if (value[mark] === "message")
    return mapStoredMessagesToChatMessages([value["message"] as StoredMessage])[0]
  if (value[mark] === "command") return new GraphCommand(decode(value["command"]) as object)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, decode(field)]))
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  const prototype = typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : undefined
  return prototype === Object.prototype || prototype === null
}
