import { NornrError, type ToolUse } from "@nornr/core"
import { asBag, askingMessage, runOf, type Site, speakerOf, text, toolCallKey } from "./graph/site.ts"

/** What is told of a tool that is called. */
export interface CalledTool {
  readonly name: string
  readonly metadata?: Record<string, unknown>
}

/** A call as a model made it. */
interface ModelCall {
  readonly id: string | undefined
  /** As the model wrote them. */
  readonly args: unknown
}

/** The call that a tool was invoked with. */
export function callOf(config: unknown, calls: WeakSet<object>): ModelCall | undefined {
  const call = asBag(config)["toolCall"]
  if (typeof call !== "object" || call === null || !calls.has(call)) return undefined
  return { id: text(asBag(call)["id"]), args: asBag(call)["args"] }
}

/**
 * One call of a tool, for core. Code that calls a tool without a model makes a new spend each time; a call whose
 * id is that of its decision is that decision's.
 * @throws {NornrError} `invalid_intent` for a model's call without an id
 */
export function useOf<A>(
  { name }: CalledTool,
  args: A,
  call: ModelCall | undefined,
  site: Site,
): ToolUse<A, unknown> {
  const { context, signal } = site
  const asking = call?.id === undefined ? undefined : askingMessage(site.state, call.id)
  return {
    tool: name,
    args,
    raw: call === undefined ? plain(args) : call.args,
    key: call && keyOf(name, call, asking, site),
    run: runOf(site, speakerOf(asking, site), call?.id),
    context,
    signal,
  }
}

function keyOf(
  tool: string,
  { id }: ModelCall,
  asking: ReturnType<typeof askingMessage>,
  site: Site,
): string | undefined {
  if (id === undefined) {
    if (site.task === undefined) return undefined
    const problem = `The model gave its call of ${tool} no id: a repeat could not be told from a new call.`
    const remedy = "Give each tool call of the AIMessage an id that is unique in its message."
    throw new NornrError("invalid_intent", problem, { remedy })
  }
  if (site.task === undefined && /^dec_[0-9a-z]{26}$/.test(id)) return id
  return toolCallKey(site, asking, id)
}

/** What a schema made of arguments may hold dates and the like; without a call they bind nothing. */
function plain(args: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(args) ?? "null")
  } catch {
    return null
  }
}
