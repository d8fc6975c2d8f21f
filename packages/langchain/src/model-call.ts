import { AIMessage, type BaseMessage, isBaseMessage, type UsageMetadata } from "@langchain/core/messages"
import { convertToOpenAITool } from "@langchain/core/utils/function_calling"
import { toJsonSchema } from "@langchain/core/utils/json_schema"
import { isInteropZodSchema } from "@langchain/core/utils/types"
import {
  type Codec,
  callKey,
  type Decision,
  type ModelPrice,
  type Terms,
  type ToolUse,
  type WalletSource,
} from "@nornr/core"
import type { ModelRequest, WrapModelCallHandler } from "langchain"
import { governPausing, isPause } from "./graph/pausing.ts"
import { asBag, runOf, type Site } from "./graph/site.ts"
import { codecIn } from "./recorded.ts"

type Answer = Awaited<ReturnType<WrapModelCallHandler>>

interface Governing {
  readonly wallet: WalletSource
  readonly price: ModelPrice
}

/** One call of the model under the wallet: held at the most it can cost, settled from what the provider counted. */
export async function governModelCall(
  { wallet, price }: Governing,
  request: ModelRequest,
  handler: WrapModelCallHandler,
  site: Site,
): Promise<Answer> {
  const terms: Terms<undefined, Answer> = {
    wallet,
    amount: mostOf(price, request),
    to: price.to,
    purpose: nameOf(request.model),
    charged: (answer) => price.cost(usageOf(answer)),
    onError: price.onError,
  }
  const codec = (await codecIn(site)) as Codec<Answer>
  const task = taskOf(site)
  for (;;) {
    const use = { ...useIn(site, task), codec }
    const outcome = await untilPaused(task, () =>
      governPausing(terms, use, site, async () => handler(request)),
    )
    const { decision } = outcome
    if (outcome.status === "queued" || outcome.status === "rejected") {
      return new AIMessage({ content: outcome.message, response_metadata: { nornr: decision } })
    }
    const isOfOtherRun = decision.replayed === true || outcome.status === "unknown"
    if (outcome.status === "done" && !(isOfOtherRun && hasStructure(request)))
      return annotated(outcome.result, decision)
    // What failed or got lost in an earlier run of this task was another attempt than this one.
    if (outcome.status === "failed" && !isOfOtherRun) throw outcome.error
  }
}

/** What LangChain derives from such an answer besides the message is not in the record: the model is asked again. */
function hasStructure({ responseFormat }: ModelRequest): boolean {
  return responseFormat !== undefined
}

/** One run of a task of the graph. */
interface Task {
  /** How many attempts it has made: the same numbers when the task runs again. */
  attempts: number
  /** What it waits for: a middleware that takes the pause for a failure gets it again, and asks for nothing more. */
  pause: { readonly thrown: unknown } | undefined
}

const tasks = new WeakMap<object, Task>()

function taskOf({ scratchpad }: Site): Task {
  const task = (scratchpad && tasks.get(scratchpad)) ?? { attempts: 0, pause: undefined }
  if (scratchpad !== undefined) tasks.set(scratchpad, task)
  return task
}

async function untilPaused<T>(task: Task, run: () => Promise<T>): Promise<T> {
  if (task.pause !== undefined) throw task.pause.thrown
  try {
    return await run()
  } catch (thrown) {
    if (isPause(thrown)) task.pause = { thrown }
    throw thrown
  }
}

function useIn(site: Site, made: Task): ToolUse<undefined, Answer> {
  const { scope, task, context, signal, scratchpad } = site
  const isKnown = task !== undefined && scratchpad !== undefined
  return {
    tool: "model",
    args: undefined,
    raw: null,
    key: isKnown ? callKey(scope ?? "", task, "model", String(made.attempts++)) : undefined,
    run: runOf(site),
    context,
    signal,
  }
}

/** @throws {NornrError} `invalid_option` where nothing bounds the prompt */
function mostOf(price: ModelPrice, request: ModelRequest): string {
  const { model, modelSettings, messages, systemMessage, tools, responseFormat } = request
  const prompt = [systemMessage, ...messages]
  const schemas = [...tools.map(schemaOf), formatOf(responseFormat)]
  const bytes = new TextEncoder().encode(JSON.stringify([prompt.map(sentOf), schemas])).length
  const unbounded = prompt.every(holdsText) ? undefined : "A message holds an image, audio or a file"
  return price.most({ bytes, unbounded, output: outputBoundOf(model, modelSettings) })
}

/** What a provider is sent of a message. */
function sentOf(message: BaseMessage): unknown {
  const { content, name, tool_calls, tool_call_id, additional_kwargs } = asBag(message)
  return { role: message.getType(), content, name, tool_calls, tool_call_id, additional_kwargs }
}

function schemaOf(tool: ModelRequest["tools"][number]): unknown {
  try {
    return convertToOpenAITool(tool as Parameters<typeof convertToOpenAITool>[0])
  } catch {
    return tool
  }
}

function formatOf(format: unknown): unknown {
  return isInteropZodSchema(format) ? toJsonSchema(format) : format
}

/** The most that the model was told to answer with, under the names that providers' classes have for it. */
function outputBoundOf(...told: readonly unknown[]): number | undefined {
  const names = ["maxTokens", "max_tokens", "maxOutputTokens", "maxCompletionTokens", "max_completion_tokens"]
  const bounds = told.flatMap((each) => names.map((name) => asBag(each)[name]))
  const known = bounds.filter((bound): bound is number => Number.isSafeInteger(bound) && Number(bound) > 0)
  return known.length === 0 ? undefined : Math.max(...known)
}

/** What is sent as the text that it is in the message. */
const textual = /^(input_|output_)?text$|tool|function|reasoning|thinking|refusal|citation/

function holdsText({ content }: BaseMessage): boolean {
  return typeof content === "string" || content.every(({ type }) => textual.test(String(type)))
}

function nameOf(model: unknown): string {
  const { model: own, modelName } = asBag(model)
  const name = [own, modelName].find((each) => typeof each === "string" && each !== "")
  return name === undefined ? "model" : `model ${name}`
}

/** @throws {TypeError} where the provider counted nothing: then what was held is settled */
function usageOf(answer: unknown): { input: number; output: number; cachedInput?: number } {
  const usage = (messageIn(answer) as AIMessage | undefined)?.usage_metadata
  if (usage === undefined) throw new TypeError("The provider gave no usage_metadata.")
  const { input_tokens: input, output_tokens: output, input_token_details: details } = usage as UsageMetadata
  return { input, output, cachedInput: details?.cache_read ?? 0 }
}

/** The decision on a copy of the provider's message: a model may give the same one twice. */
function annotated(answer: Answer, decision: Decision): Answer {
  const message = messageIn(answer)
  if (message === undefined) return answer
  const response_metadata = { ...message.response_metadata, nornr: decision }
  const copy: BaseMessage = Object.create(
    Object.getPrototypeOf(message),
    Object.getOwnPropertyDescriptors(message),
  )
  Object.assign(copy, { response_metadata, lc_kwargs: { ...asBag(message.lc_kwargs), response_metadata } })
  if (message === answer) return copy as Answer
  const { messages } = asBag(answer) as { readonly messages: readonly unknown[] }
  return { ...answer, messages: [copy, ...messages.slice(1)] } as unknown as Answer
}

/** The provider's own, where LangChain has made more of it. */
function messageIn(answer: unknown): BaseMessage | undefined {
  const { messages } = asBag(answer)
  const message = Array.isArray(messages) ? messages[0] : answer
  return isBaseMessage(message) ? message : undefined
}
