import { ToolMessage } from "@langchain/core/messages"
import { type Decision, errorMessage, NornrError, type Outcome } from "@nornr/core"

type NotRun = Exclude<Outcome<unknown>, { readonly status: "done" | "failed" }>

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
  const { code, message, remedy, decision } = error
  const nornrError = { code, message, remedy }
  return errorToolMessage(
    call,
    errorMessage(error),
    decision === undefined ? { nornrError } : { nornr: decision, nornrError },
  )
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
export function notApproved(tool: string, { message, decision }: NotRun): NornrError {
  const remedy = remedies[decision.status](tool, decision)
  return new NornrError("not_approved", `${tool}: ${message}`, { remedy, decision })
}

const remedies: Readonly<Record<Decision["status"], (tool: string, decision: Decision) => string>> = {
  queued: (tool, { id }) =>
    `Once it is approved, run it with invoke({ type: "tool_call", id: "${id}", name: ${JSON.stringify(tool)}, args }) and the same args; or end it with wallet.cancel("${id}").`,
  rejected: () => "See error.decision for its reasons.",
  approved: () => "See the review desk.",
}
