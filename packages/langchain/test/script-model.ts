import { randomUUID } from "node:crypto"
import { BaseChatModel } from "@langchain/core/language_models/chat_models"
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages"
import type { ChatResult } from "@langchain/core/outputs"

interface ScriptedCall {
  readonly id?: string
  readonly name: string
  readonly args: unknown
}

/** What the user says to have the model make these calls. */
export function script(calls: readonly ScriptedCall[]): HumanMessage {
  return new HumanMessage({ id: randomUUID(), content: JSON.stringify(calls) })
}

/**
 * A model that makes the calls that the user's last message spells out, and says "done" when they are answered:
 * another process goes on from the messages alone. Each message has an id of its own.
 */
export class ScriptModel extends BaseChatModel {
  calls = 0
  readonly #answer: (messages: readonly BaseMessage[]) => AIMessage

  constructor(answer: (messages: readonly BaseMessage[]) => AIMessage = scripted) {
    super({})
    this.#answer = answer
  }

  _llmType(): string {
    return "script"
  }

  override bindTools(): this {
    return this
  }

  async _generate(messages: BaseMessage[]): Promise<ChatResult> {
    this.calls++
    const message = this.#answer(messages)
    return { generations: [{ text: String(message.content), message }] }
  }
}

export function scripted(messages: readonly BaseMessage[]): AIMessage {
  const last = messages.at(-1)
  const id = randomUUID()
  if (last?.getType() !== "human") return new AIMessage({ id, content: "done" })
  try {
    const calls = JSON.parse(String(last.content)) as readonly ScriptedCall[]
    const tool_calls = calls.map((call) => ({ ...call, type: "tool_call" as const }))
    return new AIMessage({ id, content: "", tool_calls: tool_calls as never })
  } catch {
    return new AIMessage({ id, content: "well" })
  }
}
