import { ToolMessage } from "@langchain/core/messages"
import { errorMessage, errorSlot, type NornrError, type NotRun, refusalError } from "@nornr/core"

/** The call that a message answers. */
export interface Answered {
  readonly name: string
  readonly id: string
  readonly metadata?: Record<string, unknown> | undefined
}

/** What the model reads of a call that did not run: the framework's normal refusal, with its decision. */
export function refusalMessage(call: Answered, { message, decision }: NotRun): ToolMessage {
  return errorToolMessage(call, message, { nornr: decision })
}

/** What the model reads of a call that could not be decided; the code of the error is for whoever looks later. */
export function undecidedMessage(call: Answered, error: NornrError): ToolMessage {
  return errorToolMessage(call, errorMessage(error), errorSlot(error))
}

export function errorToolMessage(
  { name, id, metadata }: Answered,
  content: string,
  artifact?: object,
): ToolMessage {
  const more = { ...(metadata && { metadata }), ...(artifact && { artifact }) }
  return new ToolMessage({ status: "error", content, name, tool_call_id: id, ...more })
}

/** A result as LangChain formats it, for one whose artifact has no place for the decision. */
export function successMessage(
  { name, id, metadata }: Answered,
  content: unknown,
  artifact: unknown,
): ToolMessage {
  const isShown = typeof content === "string" || (Array.isArray(content) && content.every(isBlock))
  const shown = isShown ? (content as string) : (JSON.stringify(content) ?? "")
  return new ToolMessage({
    status: "success",
    content: shown,
    artifact,
    tool_call_id: id,
    name,
    ...(metadata && { metadata }),
  })
}

function isBlock(item: unknown): boolean {
  return typeof item === "object" && item !== null && "type" in item
}

/** For code that called a tool itself, without a call that could be answered later. */
export function notApproved(tool: string, outcome: NotRun): NornrError {
  const { id } = outcome.decision
  const remedy = `Once it is approved, run it with invoke({ type: "tool_call", id: "${id}", name: ${JSON.stringify(tool)}, args }) and the same args; or end it with wallet.cancel("${id}").`
  return refusalError(tool, outcome, remedy)
}
