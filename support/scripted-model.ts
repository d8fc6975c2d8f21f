import { BaseChatModel } from "@langchain/core/language_models/chat_models"
import { AIMessage, type BaseMessage } from "@langchain/core/messages"
import type { ChatResult } from "@langchain/core/outputs"
import { ChatOpenAI } from "@langchain/openai"
import { isReal } from "./provider.ts"

/** One answer of a model: text, or calls of tools. */
export type Line = string | readonly { readonly name: string; readonly args: object }[]

/** A chat model that takes tools. */
type Model = BaseChatModel & Required<Pick<BaseChatModel, "bindTools">>

/** The longest answer that either model gives. */
export const maxOutputTokens = 2000

/** OpenAI's model where its key is set; else one that says its lines in order, whichever process it is in. */
export function modelOf(lines: readonly Line[], name: string = "model"): Model {
  if (isReal) return new ChatOpenAI({ model: "gpt-5-mini", maxTokens: maxOutputTokens }) as unknown as Model
  return new ScriptedModel(lines, name)
}

class ScriptedModel extends BaseChatModel {
  readonly #lines: readonly Line[]
  readonly #name: string

  constructor(lines: readonly Line[], name: string) {
    super({})
    this.#lines = lines
    this.#name = name
  }

  _llmType(): string {
    return "scripted"
  }

  override bindTools(): this {
    return this
  }

  /** Which line it is follows from what it has said before. */
  async _generate(messages: BaseMessage[]): Promise<ChatResult> {
    const said = messages.filter(
      (message) => message.getType() === "ai" && (message.name ?? this.#name) === this.#name,
    )
    const line = this.#lines[said.length] ?? "Done."
    const message = typeof line === "string" ? new AIMessage(line) : callsOf(line)
    const prompt = messages.map(({ content }) => JSON.stringify(content)).join("").length
    const usage = { input_tokens: Math.ceil(prompt / 4), output_tokens: 80 }
    Object.assign(message, { usage_metadata: { ...usage, total_tokens: usage.input_tokens + 80 } })
    return { generations: [{ text: message.text, message }] }
  }
}

function callsOf(line: Exclude<Line, string>): AIMessage {
  const tool_calls = line.map((call, index) => ({ type: "tool_call" as const, id: `call_${index}`, ...call }))
  return new AIMessage({ content: "", tool_calls })
}
