import { getCurrentSpan, type RunContext } from "@openai/agents"

/** What a model wants of a tool. */
export interface Asking {
  readonly callId: string | undefined
  /** The arguments as the model wrote them. */
  readonly text: string
  readonly context: RunContext<unknown>
}

/** The agent whose turn it is, which the SDK tells its spans alone, traced or not. */
export function currentAgent(): string | undefined {
  let span: Spanning | null | undefined = getCurrentSpan() as Spanning | null
  while (span !== null && span !== undefined) {
    if (span.spanData?.type === "agent") return span.spanData.name
    span = span.previousSpan
  }
  return undefined
}

interface Spanning {
  readonly spanData?: { readonly type?: string; readonly name?: string }
  readonly previousSpan?: Spanning
}
