import {
  cancelUse,
  type Decision,
  governStreamUse,
  governUse,
  type ModelPrice,
  type ModelTerms,
  NornrError,
  type Outcome,
  parseModelTerms,
  refusalError,
  requireOptions,
  requireSource,
  type Terms,
  type WalletSource,
} from "@nornr/core"
import type { Model, ModelRequest, ModelResponse, StreamEvent } from "@openai/agents"
import { currentAgent } from "./asking.ts"
import { traceDecision } from "./decision-span.ts"
import { counted, mostOf, toldOutput, type Usage } from "./model-bounds.ts"

export interface GovernedModelOptions extends ModelTerms {
  readonly wallet: WalletSource
}

/**
 * The same model under a wallet: each call of it, streamed or not, is a spend of its own, held at the most it can
 * cost and settled from the usage that the provider reports. A model that was told no `maxTokens` is told the bound
 * of the terms. A call that may not run, or would have to wait for a person, fails with `not_approved`.
 * @throws {NornrError} `invalid_option`, `invalid_amount` for bad terms
 */
export function governedModel<T extends Model>(model: T, options: GovernedModelOptions): T {
  requireModel(model)
  requireOptions(options, ["wallet", "to", "price", "maxOutputTokens", "maxInputTokens"])
  const { wallet, ...terms } = options
  requireSource(wallet)
  const governed: Priced = {
    model,
    wallet,
    price: parseModelTerms(terms, ""),
    most: terms.maxOutputTokens,
  }
  const own: Model = Object.create(model, {
    getResponse: ownMethod((request: ModelRequest) => respond(governed, request)),
    getStreamedResponse: ownMethod((request: ModelRequest) => stream(governed, request)),
  })
  const bound = new Map<unknown, unknown>()
  const boundOf = (value: () => unknown) => {
    if (!bound.has(value)) bound.set(value, value.bind(model))
    return bound.get(value)
  }
  return new Proxy(own as T, {
    get(_, name) {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name)
      const value: unknown = Reflect.get(model, name)
      return typeof value === "function" && name !== "constructor" ? boundOf(value as () => unknown) : value
    },
    set: (_, name, value) =>
      Object.hasOwn(own, name)
        ? Reflect.defineProperty(own, name, ownMethod(value))
        : Reflect.set(model, name, value),
  })
}

function ownMethod(value: unknown): PropertyDescriptor {
  return { value, writable: true, enumerable: true, configurable: true }
}

function requireModel(model: unknown): asserts model is Model {
  const { getResponse, getStreamedResponse } = (model ?? {}) as Partial<Model>
  if (typeof getResponse === "function" && typeof getStreamedResponse === "function") return
  const remedy = 'Pass what a provider gives: await new OpenAIProvider().getModel("gpt-5-mini").'
  throw new NornrError(
    "invalid_option",
    `${typeof model === "string" ? `"${model}"` : "What was given"} is no model of the SDK.`,
    { remedy },
  )
}

interface Priced {
  readonly model: Model
  readonly wallet: WalletSource
  readonly price: ModelPrice
  /** Tokens of one answer. */
  readonly most: number
}

async function respond(governed: Priced, request: ModelRequest): Promise<ModelResponse> {
  const { terms, use, bounded } = callOf<ModelResponse>(governed, request, ({ usage }) => usage)
  const asked = governUse(terms, use, () => governed.model.getResponse(bounded))
  const outcome = await asked.catch((error: unknown) => rethrow(error, request))
  const { result, decision } = await resultOf(terms, use, outcome)
  return Object.create(Object.getPrototypeOf(result), {
    ...Object.getOwnPropertyDescriptors(result),
    ...Object.getOwnPropertyDescriptors({ providerData: { ...result.providerData, nornr: decision } }),
  })
}

/** A call that was aborted before it was made ends with the SDK's own reason. */
function rethrow(error: unknown, { signal }: ModelRequest): never {
  throw NornrError.isInstance(error) && error.code === "aborted" ? (signal?.reason ?? error) : error
}

type Completed = Extract<StreamEvent, { readonly type: "response_done" }>

/** The answer is complete, and settled, before its last event says so. */
async function* stream(
  governed: Priced,
  request: ModelRequest,
): AsyncGenerator<StreamEvent, void, undefined> {
  const { terms, use, bounded } = callOf<Completed>(governed, request, ({ response }) => response.usage)
  let events: AsyncIterator<StreamEvent> | undefined
  const asked = governStreamUse(terms, use, async function* () {
    events = governed.model.getStreamedResponse(bounded)[Symbol.asyncIterator]()
    return yield* untilCompleted(events)
  })
  let outcome: Outcome<Completed>
  try {
    outcome = yield* asked
  } catch (error) {
    rethrow(error, request)
  }
  const { result, decision } = await resultOf(terms, use, outcome)
  const { response } = result
  const providerData = { ...response.providerData, nornr: decision }
  let isOver = false
  try {
    yield { ...result, response: { ...response, providerData } }
    for (let next = await events?.next(); next?.done === false; next = await events?.next()) yield next.value
    isOver = true
  } finally {
    if (!isOver) await events?.return?.()
  }
}

async function* untilCompleted(
  events: AsyncIterator<StreamEvent>,
): AsyncGenerator<StreamEvent, Completed, undefined> {
  let isOver = false
  try {
    for (;;) {
      const { done, value } = await events.next()
      isOver = done === true || value.type === "response_done"
      if (done === true) throw new Error("The model's stream ended before its answer was complete.")
      if (value.type === "response_done") return value
      yield value
    }
  } finally {
    if (!isOver) await events.return?.()
  }
}

interface Call<R> {
  readonly terms: Terms<undefined, R>
  readonly use: {
    readonly tool: "model"
    readonly args: undefined
    readonly raw: null
    readonly run: { readonly agent?: string }
    readonly signal?: AbortSignal
  }
  readonly bounded: ModelRequest
}

function callOf<R>(
  { wallet, price, most }: Priced,
  request: ModelRequest,
  usageOf: (result: R) => Usage,
): Call<R> {
  const { modelSettings } = request
  const agent = currentAgent()
  return {
    terms: {
      wallet,
      amount: mostOf(price, request),
      to: price.to,
      charged: (result) => price.cost(counted(usageOf(result))),
      onError: price.onError,
      record: "digest",
    },
    use: {
      tool: "model",
      args: undefined,
      raw: null,
      run: { ...(agent !== undefined && { agent }) },
      ...(request.signal && { signal: request.signal }),
    },
    bounded:
      toldOutput(request) === undefined
        ? { ...request, modelSettings: { ...modelSettings, maxTokens: most } }
        : request,
  }
}

/** @throws {NornrError} `not_approved`, and what the model threw */
async function resultOf<R>(
  terms: Terms<undefined, R>,
  use: Call<R>["use"],
  outcome: Outcome<R>,
): Promise<{ readonly result: R; readonly decision: Decision }> {
  const { decision } = outcome
  await traceDecision(decision)
  if (outcome.status === "done") return outcome
  if (outcome.status === "failed") throw outcome.error
  if (outcome.status !== "queued") throw refusalError("The model", outcome, "")
  const canceled = await cancelUse(terms, use, decision)
  const problem = `The model: Not run, nothing charged. ${decision.reasons.map(({ message }) => message).join(" ")} A model call cannot wait for one. [${decision.id}]`
  const remedy =
    "Raise requireApprovalAbove, or lower maxOutputTokens or maxInputTokens, which it is held at."
  throw new NornrError("not_approved", problem, { remedy, decision: canceled })
}
