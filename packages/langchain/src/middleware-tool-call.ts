import type { ToolMessage } from "@langchain/core/messages"
import { NornrError, notCharged, type Outcome, type Terms } from "@nornr/core"
import type { ToolCallHandler, ToolCallRequest } from "langchain"
import { directWith } from "./annotate.ts"
import { argsOf } from "./args-of.ts"
import { type CallableTool, governed, requireTool } from "./governed-tool.ts"
import { governPausing, isBubbleUp } from "./graph/pausing.ts"
import { asBag, type Site, text } from "./graph/site.ts"
import { type Answered, errorToolMessage, refusalMessage, undecidedMessage } from "./tool-messages.ts"
import { useOf } from "./tool-use.ts"

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
  if (tool === undefined) return keepingErrors(request, handler)
  const answered = {
    name: toolCall.name,
    id: toolCall.id ?? "",
    metadata: asBag(tool)["metadata"] as Answered["metadata"],
  }
  const inner: Inner = { error: undefined, shown: undefined }
  let outcome: Outcome<unknown>
  try {
    requireTool(tool)
    const valid = await argsOf(tool, toolCall.args)
    const watched = watch(governed(tool, terms), inner)
    const run = () => runInner(inner, () => handler({ ...request, tool: watched as Request["tool"] }))
    if (valid === undefined) return (await keepingErrors(request, run)) as Answer
    const use = useOf(tool, valid.args, { id: text(toolCall.id), args: toolCall.args }, site)
    outcome = await governPausing(terms, use, site, run)
  } catch (error) {
    if (!NornrError.isInstance(error) || error.code === "aborted") throw error
    return undecidedMessage(answered, error)
  }
  if (outcome.status === "done") return directWith(outcome.result, outcome.decision, answered.id) as Answer
  if (outcome.status !== "failed") return refusalMessage(answered, outcome)
  const shown = inner.shown ?? toMessage(outcome.error, answered, site.signal)
  return directWith(shown, outcome.decision, answered.id) as Answer
}

/** What became of the tool itself, which a middleware in between may hide. */
interface Inner {
  error: { readonly thrown: unknown } | undefined
  /** What the middleware made of it. */
  shown: Answer | undefined
}

function watch(tool: CallableTool, inner: Inner): CallableTool {
  const call: CallableTool["_call"] = async (...called) => {
    inner.error = undefined
    try {
      return await tool._call(...called)
    } catch (thrown) {
      inner.error = { thrown }
      throw thrown
    }
  }
  return Object.create(tool, { _call: { value: call } })
}

/** A tool that failed has failed, though a message says so; arguments that its schema refuses have cost nothing. */
async function runInner(inner: Inner, run: () => Answer | PromiseLike<Answer>): Promise<Answer> {
  let answer: Answer
  try {
    answer = await run()
  } catch (error) {
    if (isBubbleUp(error) || !isInvalidInput(error)) throw error
    throw notCharged(error as object)
  }
  if (inner.error === undefined) return answer
  inner.shown = answer
  throw inner.error.thrown
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
  if (isBubbleUp(error) || signal?.aborted === true || brandOf(error) === "MiddlewareError") throw error
  const content = isInvalidInput(error)
    ? String(asBag(error)["message"])
    : `${error}\n Please fix your mistakes.`
  return errorToolMessage(answered, content)
}

function isInvalidInput(error: unknown): boolean {
  return brandOf(error) === "ToolInvocationError"
}

function brandOf(error: unknown): unknown {
  return asBag(error)["~brand"]
}
