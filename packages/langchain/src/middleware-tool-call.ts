import type { ToolMessage } from "@langchain/core/messages"
import { NornrError, notCharged, type Outcome, type Terms, warnNotRun } from "@nornr/core"
import type { ToolCallHandler, ToolCallRequest } from "langchain"
import { directWith } from "./annotate.ts"
import { argsOf } from "./args-of.ts"
import { governed, requireTool } from "./governed-tool.ts"
import { governPausing, isBubbleUp } from "./graph/pausing.ts"
import { asBag, type Site, text } from "./graph/site.ts"
import { codecIn } from "./recorded.ts"
import { type Answered, errorToolMessage, refusalMessage, undecidedMessage } from "./tool-messages.ts"
import { useOf } from "./tool-use.ts"

type Failed = Extract<Outcome<unknown>, { readonly status: "failed" }>
type Answer = Awaited<ReturnType<ToolCallHandler>>
type Request = ToolCallRequest
type Handler = ToolCallHandler<Request["state"]>

/** One tool call under its terms, whatever is between this middleware and the tool: that runs once at most. */
export async function callTool(
  terms: Terms<unknown>,
  request: Request,
  handler: Handler,
  site: Site,
): Promise<Answer> {
  const { toolCall, tool } = request
  const answered = {
    name: toolCall.name,
    id: toolCall.id ?? "",
    metadata: asBag(tool)["metadata"] as Answered["metadata"],
  }
  const inner: Inner = { ran: false, result: undefined, error: undefined, shown: undefined }
  let outcome: Outcome<unknown>
  try {
    requireTool(tool)
    const valid = await argsOf(tool, toolCall.args)
    const watched = governed(tool, terms, (run) => watch(inner, run)) as object as Request["tool"]
    const run = () => runInner(inner, () => handler({ ...request, tool: watched }))
    if (valid === undefined) return await keepingErrors({ ...request, tool: watched }, handler)
    const use = useOf(tool, valid.args, { id: text(toolCall.id), args: toolCall.args }, site)
    outcome = await governPausing(ofMessages(terms, inner), { ...use, codec: await codecIn(site) }, site, run)
  } catch (error) {
    if (!NornrError.isInstance(error) || error.code === "aborted") throw error
    warnNotRun(answered.name, error)
    return undecidedMessage(answered, error)
  }
  if (outcome.status === "done") return directWith(outcome.result, outcome.decision, answered.id) as Answer
  if (outcome.status !== "failed") return refusalMessage(answered, outcome)
  if (inner.shown === undefined && !isOfTool(outcome, inner)) throw outcome.error
  const shown = inner.shown ?? toMessage(outcome.error, { name: answered.name, id: answered.id }, site.signal)
  return directWith(shown, outcome.decision, answered.id) as Answer
}

/** What became of the tool itself, which a middleware in between may hide. */
interface Inner {
  ran: boolean
  result: unknown
  error: { readonly thrown: unknown } | undefined
  /** What the middleware made of it. */
  shown: Answer | undefined
}

/**
 * Terms speak of what the tool gives; here its message is recorded. What a function would keep of a result cannot be
 * told of a message: none of it is kept.
 */
function ofMessages(terms: Terms<unknown>, inner: Inner): Terms<unknown> {
  const { charged, record } = terms
  return {
    ...terms,
    ...(charged && { charged: (_message: unknown, args: unknown) => charged(inner.result, args) }),
    ...(typeof record === "function" && { record: "digest" as const }),
  }
}

async function watch<T>(inner: Inner, run: () => Promise<T>): Promise<T> {
  inner.ran = true
  inner.error = undefined
  try {
    const result = await run()
    inner.result = result
    return result
  } catch (thrown) {
    inner.error = { thrown }
    throw thrown
  }
}

/** A tool that failed has failed, though a message says otherwise; one that was never reached has cost nothing. */
async function runInner(inner: Inner, run: () => Answer | PromiseLike<Answer>): Promise<Answer> {
  let answer: Answer
  try {
    answer = await run()
  } catch (error) {
    if (inner.ran || isBubbleUp(error) || typeof error !== "object" || error === null) throw error
    throw notCharged(error)
  }
  if (inner.ran && inner.error === undefined) return answer
  inner.shown = answer
  throw inner.error === undefined ? notCharged(new Error("The tool was not reached.")) : inner.error.thrown
}

/** What another middleware throws ends the run, as it does without this one. */
function isOfTool({ error, decision }: Failed, inner: Inner): boolean {
  const isAround = inner.ran && brandOf(error) !== "MiddlewareError"
  return isAround || decision.replayed === true || invalidInput(error) !== undefined
}

/** As an agent without middleware around its tools: what a tool throws, its model reads. */
export async function keepingErrors(
  request: Request,
  handler: (request: Request) => Answer | PromiseLike<Answer>,
): Promise<Answer> {
  const { toolCall, runtime } = request
  try {
    return await handler(request)
  } catch (error) {
    return toMessage(error, { name: toolCall.name, id: toolCall.id ?? "" }, runtime.signal)
  }
}

/** Pauses, aborts and what another middleware throws are not for the model. */
function toMessage(error: unknown, answered: Answered, signal: AbortSignal | undefined): ToolMessage {
  const invalid = invalidInput(error)
  if (invalid !== undefined) return errorToolMessage(answered, String(asBag(invalid)["message"]))
  if (isBubbleUp(error) || signal?.aborted === true || brandOf(error) === "MiddlewareError") throw error
  return errorToolMessage(answered, `${error}\n Please fix your mistakes.`)
}

/** LangChain's `ToolInvocationError`, by what it holds; each middleware that it passed may have wrapped it. */
function invalidInput(error: unknown): unknown {
  const { toolCall, toolError, cause } = asBag(error)
  if (toolCall !== undefined && toolError !== undefined) return error
  return cause === undefined || cause === error ? undefined : invalidInput(cause)
}

function brandOf(error: unknown): unknown {
  return asBag(error)["~brand"]
}
