import { type ModelPrice, type ModelUsage, NornrError } from "@nornr/core"
import type { ModelRequest } from "@openai/agents"

/** A provider's count, as the SDK or its events have it. */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly inputTokensDetails?: unknown
}

/** @throws {NornrError} `invalid_option` where nothing bounds the prompt */
export function mostOf(price: ModelPrice, request: ModelRequest): string {
  const { systemInstructions, input, tools, handoffs, outputType, modelSettings } = request
  const besides = modelSettings.providerData === undefined ? [] : [modelSettings.providerData]
  const sent = JSON.stringify([systemInstructions, input, tools, handoffs, outputType, ...besides])
  const bytes = new TextEncoder().encode(sent).length
  const unbounded = isWhole(request) && holdsText(input) ? undefined : whyUnbounded
  return price.most({ bytes, unbounded, output: toldOutput(request), answers: answersOf(request) })
}

const whyUnbounded =
  "The prompt holds an image, audio or a file, uses a tool of the provider, or goes on from what the provider keeps"

/** What a provider is told besides, in its own names: they stand in the request as they are. */
function providersOwn({
  modelSettings: { providerData = {} },
}: ModelRequest): Readonly<Record<string, unknown>> {
  return { ...providerData, ...providerData["extra_body"], ...providerData["extraBody"] }
}

/** The most that the model is told to answer with, by the SDK's name or a provider's own. */
export function toldOutput(request: ModelRequest): number | undefined {
  const own = providersOwn(request)
  const names = ["max_output_tokens", "max_completion_tokens", "max_tokens"]
  const told = [request.modelSettings.maxTokens ?? undefined, ...names.map((name) => own[name])].filter(
    (each) => each !== undefined,
  )
  for (const bound of told) requireCount("The most tokens of an answer", bound)
  return told.length === 0 ? undefined : Math.max(...(told as number[]))
}

/** Chat Completions can be told to answer several times. */
function answersOf(request: ModelRequest): number {
  const answers: unknown = providersOwn(request)["n"] ?? 1
  requireCount("The number of answers", answers)
  return answers
}

function requireCount(what: string, value: unknown): asserts value is number {
  if (Number.isSafeInteger(value) && Number(value) > 0) return
  const remedy = "Set it to a whole number above 0 in the model's settings, or leave it out."
  throw new NornrError("invalid_option", `${what} is ${String(value)}.`, { remedy })
}

/** Whether the provider adds nothing to what it is sent, and all of it is in the SDK's own fields. */
function isWhole(request: ModelRequest): boolean {
  const { previousResponseId, conversationId, prompt, tools } = request
  const isKept = [previousResponseId, conversationId, prompt].some((each) => each !== undefined)
  const own = providersOwn(request)
  const adds = ["tools", "previous_response_id", "conversation", "prompt", "input", "messages"]
  return !isKept && !adds.some((name) => name in own) && tools.every(({ type }) => type === "function")
}

/** Kinds of items and of their content that are sent as the text that they hold. */
const textual = /^((input_|output_)?text|message|refusal|reasoning|summary_text|(function|tool|program).*)$/

/** Images, audio and files are more tokens than the bytes of their names. */
function holdsText(input: ModelRequest["input"]): boolean {
  const parts = (of: unknown): readonly unknown[] => (Array.isArray(of) ? of : [of])
  const isText = (part: unknown) => {
    const { type = "text" } = (part ?? {}) as { readonly type?: unknown }
    return textual.test(String(type))
  }
  if (typeof input === "string") return true
  return input.every((item) => {
    const {
      content,
      output,
      type = "message",
    } = item as Partial<Record<"content" | "output" | "type", unknown>>
    return textual.test(String(type)) && [...parts(content), ...parts(output)].every(isText)
  })
}

/** @throws {TypeError} where the provider counted nothing: then what was held is settled */
export function counted({ inputTokens: input, outputTokens: output, inputTokensDetails }: Usage): ModelUsage {
  if (input + output === 0) throw new TypeError("The provider reported no usage.")
  const details = [inputTokensDetails ?? {}].flat() as { readonly cached_tokens?: number }[]
  const cachedInput = details.reduce((sum, { cached_tokens = 0 }) => sum + cached_tokens, 0)
  return { input, output, cachedInput }
}
