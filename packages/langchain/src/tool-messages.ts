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

const warned = new Set<string>()

/**
 * The model reads it and goes on; whoever runs the agent would not know that nothing can be bought. A call that was
 * edited is nobody's fault.
 */
export function warn(tool: string, { code, message }: NornrError): void {
  const text = `nornr: ${tool} was not run: ${message}`
  if (code === "key_conflict" || warned.has(text) || warned.size >= 100) return
  warned.add(text)
  globalThis.process?.emitWarning?.(text, { type: "NornrWarning", code })
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
  const { id, status } = decision
  const problem =
    status === "queued" ? `Not run: it waits for a reviewer, and its amount is held. [${id}]` : message
  const remedy = remedies[status](tool, decision)
  return new NornrError("not_approved", `${tool}: ${problem}`, { remedy, decision })
}

const remedies: Readonly<Record<Decision["status"], (tool: string, decision: Decision) => string>> = {
  queued: (tool, { id }) =>
    `Once it is approved, run it with invoke({ type: "tool_call", id: "${id}", name: ${JSON.stringify(tool)}, args }) and the same args; or end it with wallet.cancel("${id}").`,
  rejected: () => "See error.decision for its reasons.",
  approved: (_tool, { id }) =>
    `A reviewer settles or releases it once it is known what became of it: desk.settle("${id}") or desk.release("${id}").`,
}
