import { callKey, type RunRef, within } from "@nornr/core"

/** Where a call is made, as a runnable config or a middleware's runtime tells it. */
export interface Site {
  readonly thread: string | undefined
  /** What keys are unique in: the thread, else the run of the whole graph; undefined outside a graph. */
  readonly scope: string | undefined
  /** The path of graphs and nodes, without the ids of their tasks: the same on every fork. */
  readonly namespace: string | undefined
  readonly node: string | undefined
  /** The task of a graph; undefined outside one. Stable over resumes and retries, another on a fork. */
  readonly task: string | undefined
  readonly agent: string | undefined
  /** What the user hands down with a run. */
  readonly context: unknown
  readonly signal: AbortSignal | undefined
  /** What the graph gave to the node or tool. */
  readonly state: unknown
  /** Pauses the run; undefined outside a graph. */
  readonly interrupt: ((value: unknown) => unknown) | undefined
  readonly scratchpad: Scratchpad | undefined
  /** One object for all nodes of a run of the whole graph. */
  readonly control: object | undefined
}

/** What LangGraph keeps of one run of a task. */
interface Scratchpad {
  readonly currentTaskInput?: unknown
  readonly interruptCounter?: number
  /** The answers that the task was resumed with, in the order of its interrupts. */
  readonly resume?: unknown[]
  /** An answer to whatever asks first. */
  readonly nullResume?: unknown
  consumeNullResume?(): unknown
}

type Bag = Readonly<Record<string, unknown>>

export function siteOf(config: unknown): Site {
  const given = asBag(config)
  const configurable = asBag(given["configurable"])
  const metadata = asBag(given["metadata"])
  const scratchpad = configurable["__pregel_scratchpad"] as Scratchpad | undefined
  const task = text(configurable["__pregel_task_id"])
  const { interrupt } = given
  const thread = text(configurable["thread_id"])
  const control =
    typeof given["control"] === "object" && given["control"] !== null ? given["control"] : undefined
  return {
    thread,
    scope: thread ?? rootRun(control) ?? task,
    namespace: namespaceOf(text(configurable["checkpoint_ns"])),
    node: text(metadata["langgraph_node"]),
    task,
    agent: text(metadata["lc_agent_name"]),
    context: given["context"],
    signal: given["signal"] instanceof AbortSignal ? given["signal"] : undefined,
    state: given["state"] ?? scratchpad?.currentTaskInput,
    interrupt: typeof interrupt === "function" ? (interrupt as Site["interrupt"]) : undefined,
    scratchpad,
    control,
  }
}

/** A graph without a thread has no name for its run, but one object that all its nodes are handed. */
const rootRuns = new WeakMap<object, string>()

function rootRun(control: object | undefined): string | undefined {
  if (control === undefined) return undefined
  const known = rootRuns.get(control) ?? crypto.randomUUID()
  rootRuns.set(control, known)
  return known
}

/** `buyer:7f3…|tools:91c…` is the path `buyer|tools`. */
function namespaceOf(namespace: string | undefined): string | undefined {
  return namespace?.replaceAll(/:[^|]*/g, "")
}

/** The graph that a node is in, as a path: empty for the outermost. */
export function parentOf(namespace = ""): string {
  return namespace.split("|").slice(0, -1).join("|")
}

/** The message of a model that made a call. */
interface Asking {
  readonly id: string | undefined
  /** Who speaks. */
  readonly name: string | undefined
}

/** The last message in a state or list that made the call; undefined where none did. */
export function askingMessage(state: unknown, callId: string): Asking | undefined {
  const message = messagesOf(state).findLast((each) => toolCallsOf(each).some(({ id }) => id === callId))
  return message === undefined ? undefined : { id: text(message["id"]), name: text(message["name"]) }
}

export function messagesOf(state: unknown): readonly Bag[] {
  const messages = Array.isArray(state) ? state : asBag(state)["messages"]
  return Array.isArray(messages) ? messages.map(asBag) : []
}

export function toolCallsOf(message: Bag): readonly { readonly id?: string; readonly name?: string }[] {
  const calls = message["tool_calls"]
  return Array.isArray(calls) ? calls : []
}

/** Who speaks: the message says it, or the agent that runs. LangChain calls an agent without a name "model". */
export function speakerOf(asking: Asking | undefined, { agent }: Pick<Site, "agent">): string | undefined {
  return asking?.name === undefined || asking.name === "model" ? agent : asking.name
}

/** Whose run it is, for the record. */
export function runOf(site: Site, agent: string | undefined = site.agent, call?: string): RunRef {
  const { thread, node, namespace } = site
  return {
    ...(agent !== undefined && { agent }),
    ...(thread !== undefined && { thread }),
    ...(node !== undefined && { node }),
    ...(namespace !== undefined && { namespace: within(namespace, 256) }),
    ...(call !== undefined && { call: within(call, 256) }),
  }
}

/**
 * What a tool call is known by for good: thread, asking message and call id. A fork after the message is the same
 * call; a new message of the model is a new one. Where no message is known, the task takes its place.
 */
export function toolCallKey(
  { scope, task }: Site,
  message: Asking | undefined,
  callId: string,
): string | undefined {
  return scope === undefined ? undefined : callKey(scope, message?.id ?? task ?? "", callId)
}

export function asBag(value: unknown): Bag {
  return typeof value === "object" && value !== null ? (value as Bag) : {}
}

export function text(value: unknown): string | undefined {
  if (typeof value === "number") return String(value)
  return typeof value === "string" && value !== "" ? value : undefined
}
