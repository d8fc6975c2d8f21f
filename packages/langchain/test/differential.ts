import { BaseCallbackHandler } from "@langchain/core/callbacks/base"
import { AIMessage, HumanMessage } from "@langchain/core/messages"
import { Command, END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph"
import { ToolNode } from "@langchain/langgraph/prebuilt"
import { type AgentMiddleware, createAgent } from "langchain"
import { ScriptModel } from "./script-model.ts"

// biome-ignore lint/suspicious/noExplicitAny: tools of every kind
export type Tool = any

/** Everything that a user sees of a tool at work in one place, but for its decision. */
export type Place = (tool: Tool, args: unknown, middleware?: AgentMiddleware[]) => Promise<readonly unknown[]>

const modes = ["values", "updates", "messages", "custom", "tools", "tasks"] as const
const config = { configurable: { thread_id: "t" }, context: { customer: "c" } }

/** Where a tool can be called. */
export const places: Readonly<Record<string, Place>> = {
  "by its user, with arguments": async (tool, args) => {
    const log = new Log()
    return [...(await outcome(() => tool.invoke(args, { callbacks: [log] }))), ...log.lines]
  },
  "by its user, with a tool call": async (tool, args) => {
    const log = new Log()
    const call = { type: "tool_call", id: "c1", name: tool.name, args }
    return [...(await outcome(() => tool.invoke(call, { ...config, callbacks: [log] }))), ...log.lines]
  },
  "in an agent": (tool, args, middleware = []) =>
    streamed(
      createAgent({ model: modelOf(tool, args), tools: [tool], middleware, checkpointer: new MemorySaver() }),
    ),
  "in an agent of version v1": (tool, args, middleware = []) =>
    streamed(
      createAgent({
        model: modelOf(tool, args),
        tools: [tool],
        middleware,
        checkpointer: new MemorySaver(),
        version: "v1",
      }),
    ),
  "in a graph": (tool, args) => streamed(graphOf(tool, args, new ToolNode([tool]))),
  "in a graph that does not handle errors": (tool, args) =>
    streamed(graphOf(tool, args, new ToolNode([tool], { handleToolErrors: false }))),
}

function modelOf(tool: Tool, args: unknown): ScriptModel {
  const tool_calls = [
    { type: "tool_call" as const, id: "c1", name: tool.name, args: args as Record<string, unknown> },
  ]
  return new ScriptModel((messages) =>
    messages.at(-1)?.getType() === "human"
      ? new AIMessage({ id: "asking", content: "", tool_calls })
      : new AIMessage({ id: `answer ${messages.length}`, content: "done" }),
  )
}

function graphOf(tool: Tool, args: unknown, node: ToolNode) {
  const model = modelOf(tool, args)
  return new StateGraph(MessagesAnnotation)
    .addNode("model", async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
    .addNode("tools", node)
    .addEdge(START, "model")
    .addEdge("model", "tools")
    .addEdge("tools", END)
    .compile({ checkpointer: new MemorySaver() })
}

async function streamed(graph: { stream: Tool; getState: Tool }): Promise<readonly unknown[]> {
  const log = new Log()
  const chunks: unknown[] = []
  const inputs = [
    { messages: [new HumanMessage({ id: "human", content: "go" })] },
    new Command({ resume: "yes" }),
  ]
  for (const input of inputs) {
    const ended = await outcome(async () => {
      for await (const chunk of await graph.stream(input, {
        ...config,
        streamMode: modes,
        callbacks: [log],
      })) {
        if (!isFailedTask(chunk)) chunks.push(chunk)
      }
    })
    chunks.push(ended, (await graph.getState(config)).values)
    if (ended[0] === "threw" || (await graph.getState(config)).next.length === 0) break
  }
  return [...chunks, ...log.lines].map(visible)
}

/** Whether it still comes out before the stream ends with the error is a race that bare tools have, too. */
function isFailedTask([mode, chunk]: readonly [
  string,
  { readonly error?: unknown; readonly result?: object },
]): boolean {
  const hasEndedEmpty = chunk.result !== undefined && Object.keys(chunk.result).length === 0
  return mode === "tasks" && (chunk.error !== undefined || hasEndedEmpty)
}

async function outcome(run: () => Promise<unknown>): Promise<readonly unknown[]> {
  try {
    return ["gave", visible(await run())]
  } catch (error) {
    return ["threw", visible(error), error instanceof Error && error.constructor.name]
  }
}

/** What callbacks of a tool are told. */
class Log extends BaseCallbackHandler {
  name = "log"
  override awaitHandlers = true
  readonly lines: unknown[] = []

  override handleToolStart(...[tool, input, , , tags, metadata, name, callId]: Tool[]): void {
    this.lines.push(visible(["start", tool, input, tags, metadata, name, callId]))
  }
  override handleToolEnd(output: unknown): void {
    this.lines.push(visible(["end", output]))
  }
  override handleToolError(error: unknown): void {
    this.lines.push(visible(["error", error]))
  }
  override handleToolEvent(event: unknown): void {
    this.lines.push(visible(["event", event]))
  }
}

const random = new Set(["run_id", "runId", "checkpoint_id", "checkpoint_ns", "langgraph_checkpoint_ns", "ts"])

/** As JSON, without the decision and without what is another in each run. */
function visible(value: unknown): unknown {
  if (value instanceof Error) return { error: value.name, message: withoutIds(value.message) }
  const text = JSON.stringify(value, (name, field: unknown) => {
    if (random.has(name)) return undefined
    if (name === "artifact" && field === null) return undefined
    if (typeof field !== "object" || field === null) return field
    if (name === "artifact" && "nornr" in field) {
      const { nornr: _, ...artifact } = field
      return Object.keys(artifact).length === 0 ? undefined : artifact
    }
    if (isOwnError(field)) return { ...field, status: undefined }
    if (name === "response_metadata" && "nornr" in field) return {}
    return field
  })
  return text === undefined ? undefined : JSON.parse(withoutIds(text))
}

/** Before 1.5.14 LangChain did not mark the error messages that it makes itself. */
function isOwnError({ status, content }: { readonly status?: unknown; readonly content?: unknown }): boolean {
  return status === "error" && /Please fix (your mistakes|the error and try again)\.$/.test(String(content))
}

/** Stacks are in LangChain's own messages, and name who called. */
function withoutIds(text: string): string {
  return text
    .replace(/(\\+n +at [^\\]*)+/g, "")
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b/g, "id")
}
