import { AIMessage, type BaseMessage, isBaseMessage, type UsageMetadata } from "@langchain/core/messages"
import { convertToOpenAITool } from "@langchain/core/utils/function_calling"
import {
  type Codec,
  callKey,
  type Decision,
  type ModelPrice,
  NornrError,
  type Terms,
  type ToolUse,
  type WalletSource,
} from "@nornr/core"
import type { ModelRequest, WrapModelCallHandler } from "langchain"
import { governPausing } from "./graph/pausing.ts"
import { asBag, runOf, type Site } from "./graph/site.ts"
import { langchainCodec } from "./recorded.ts"

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
  }
  for (;;) {
    const outcome = await governPausing(terms, useIn(site), site, async () => handler(request))
    if (outcome.status === "done") return annotated(outcome.result, outcome.decision)
    if (outcome.status === "queued" || outcome.status === "rejected") {
      const { message: content, decision } = outcome
      return new AIMessage({ content, response_metadata: { nornr: decision } })
    }
    // An attempt of an earlier run of this task has failed, or nobody knows: this one is another attempt.
    if (outcome.status === "failed" && outcome.decision.replayed !== true) throw outcome.error
  }
}

/** How many attempts a run of a task has made: the same numbers when the task runs again. */
const attempts = new WeakMap<object, number>()

function useIn(site: Site): ToolUse<undefined, Answer> {
  const { scope, task, context, signal, scratchpad } = site
  const attempt = scratchpad === undefined ? undefined : (attempts.get(scratchpad) ?? 0)
  if (scratchpad !== undefined) attempts.set(scratchpad, (attempt ?? 0) + 1)
  return {
    tool: "model",
    args: undefined,
    raw: null,
    key:
      task === undefined || attempt === undefined
        ? undefined
        : callKey(scope ?? "", task, "model", String(attempt)),
    run: runOf(site),
    context,
    signal,
    codec: langchainCodec as Codec<Answer>,
  }
}

/** @throws {NornrError} `invalid_option` where nothing bounds the prompt */
function mostOf(price: ModelPrice, { messages, systemMessage, tools }: ModelRequest): string {
  const prompt = [systemMessage, ...messages]
  const schemas = tools.map(schemaOf)
  const bytes = new TextEncoder().encode(JSON.stringify([prompt, schemas])).length
  const most = price.most({ bytes, isText: prompt.every((message) => isText(message)) })
  if (most !== undefined) return most
  const problem = "A message holds an image, audio or a file, and nothing bounds what the prompt can cost."
  throw new NornrError("invalid_option", problem, {
    remedy: "Set model.maxInputTokens to the most tokens that one prompt may have.",
  })
}

function schemaOf(tool: ModelRequest["tools"][number]): unknown {
  try {
    return convertToOpenAITool(tool as Parameters<typeof convertToOpenAITool>[0])
  } catch {
    return tool
  }
}

const media = /image|audio|video|file|document/

function isText({ content }: BaseMessage): boolean {
  return typeof content === "string" || content.every(({ type }) => !media.test(type))
}

function nameOf(model: unknown): string {
  const { model: own, modelName } = asBag(model)
  const name = [own, modelName].find((each) => typeof each === "string" && each !== "")
  return name === undefined ? "model" : `model ${name}`
}

/** @throws {TypeError} where the provider counted nothing: then what was held is settled */
function usageOf(answer: unknown): { input: number; output: number; cachedInput?: number } {
  const message = isBaseMessage(answer) ? answer : (asBag(answer)["messages"] as unknown[] | undefined)?.[0]
  const usage = (message as AIMessage | undefined)?.usage_metadata
  if (usage === undefined) throw new TypeError("The provider gave no usage_metadata.")
  const { input_tokens: input, output_tokens: output, input_token_details: details } = usage as UsageMetadata
  return { input, output, cachedInput: details?.cache_read ?? 0 }
}

/** The message is new in this run: it is marked where it is. */
function annotated(answer: Answer, decision: Decision): Answer {
  if (isBaseMessage(answer)) {
    const response_metadata = { ...answer.response_metadata, nornr: decision }
    Object.assign(asBag(answer), { response_metadata })
    Object.assign(asBag(answer.lc_kwargs), { response_metadata })
  }
  return answer
}
