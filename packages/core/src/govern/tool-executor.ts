import { aborted } from "../engine/engine.ts"
import { NornrError } from "../error/nornr-error.ts"
import { atEdge } from "../input/at-edge.ts"
import { defined } from "../input/defined.ts"
import { type Fields, fieldsOf } from "../input/fields.ts"
import { show } from "../input/show.ts"
import { errorMessage, type Outcome, textOf } from "./outcome.ts"
import { callKey, checkTermsAt, governUse, requireSource, type Terms, type WalletSource } from "./terms.ts"

// biome-ignore lint/suspicious/noExplicitAny: the arguments and results of tools that have nothing in common
type Any = any

/** A tool of an executor: one without terms is free, and is not governed. */
export interface ExecutorTool<A = Any, R = Any> {
  readonly execute: (args: A) => R | PromiseLike<R>
  readonly terms?: Omit<Terms<A, R>, "wallet"> | undefined
}

/**
 * Tools by name. The two halves infer arguments and result of each tool from its `execute`, for its terms; one
 * mapped type would infer the arguments alone.
 */
export type ExecutorTools<A, R> = {
  readonly [K in keyof A]: {
    readonly execute: (args: A[K]) => unknown
    readonly terms?: Omit<Terms<NoInfer<A[K]>, Any>, "wallet" | "charged" | "record"> | undefined
  }
} & {
  readonly [K in keyof R]: {
    readonly execute: (args: Any) => R[K] | PromiseLike<R[K]>
    readonly terms?: Pick<Partial<Terms<Any, NoInfer<R[K]>>>, "charged" | "record"> | undefined
  }
}

/** One tool call of one speaker, as a model made it. */
export interface ToolCall {
  /** What the model or framework calls it: with thread and message, what it is known by for good. */
  readonly id: string
  readonly name: string
  /** The arguments as the model wrote them, parsed: `JSON.parse(arguments)` where they come as text. */
  readonly args: unknown
  /** The speaker: its name is on the decision. */
  readonly agent?: string | undefined
  /** The message that asked, where call ids are not unique in a thread. */
  readonly message?: string | undefined
}

/** What a call came to; `message` is what to tell the model where there is no result. */
export type Executed = (Outcome<unknown> | FreeOutcome) & { readonly call: ToolCall }

/**
 * What came of a call without a decision: a free tool ran or threw, or nothing could be decided and nothing ran;
 * then `error` is a NornrError.
 */
type FreeOutcome =
  | { readonly status: "done"; readonly result: unknown; readonly decision?: undefined }
  | {
      readonly status: "failed"
      readonly error: unknown
      readonly message: string
      readonly decision?: undefined
    }

/** What goes with one call of a tool. */
export interface ExecuteOptions {
  /** The conversation: the scope of call ids. */
  readonly thread: string
  readonly context?: unknown
  readonly signal?: AbortSignal | undefined
}

/** The one place where the tools of all speakers run. */
export interface ToolExecutor {
  /**
   * Runs calls side by side; one that is refused or fails never cancels its siblings, and nothing is thrown for
   * it. Repeated calls give what they came to before. Answers are in the order of the calls.
   * @throws {NornrError} `invalid_option` for what is no list of calls
   */
  execute(calls: readonly ToolCall[], options: ExecuteOptions): Promise<readonly Executed[]>
}

/**
 * The choke point of a team, framework-free: several agents talk, one executor runs their tools.
 * @throws {NornrError} `invalid_option`, `invalid_amount` for bad terms
 */
export function createToolExecutor<A, R>(options: {
  readonly wallet: WalletSource
  readonly tools: ExecutorTools<A, R>
}): ToolExecutor {
  const { wallet, tools } = atEdge("The options", "invalid_option", () => parseExecutor(options))
  return {
    async execute(calls, given) {
      if (!Array.isArray(calls)) {
        const remedy = "Pass the tool calls of a message as an array."
        throw new NornrError("invalid_option", `The calls are ${show(calls)}.`, { remedy })
      }
      const run = atEdge("The options", "invalid_option", () => parseOptions(given))
      return Promise.all(calls.map((call: ToolCall, index) => executeOne(wallet, tools, call, run, index)))
    },
  }
}

function parseExecutor(options: unknown): {
  readonly wallet: WalletSource
  readonly tools: Readonly<Record<string, ExecutorTool>>
} {
  const fields = fieldsOf(options, { path: "", code: "invalid_option", allowed: ["wallet", "tools"] })
  const wallet = fields.get("wallet") as WalletSource
  requireSource(wallet)
  const given = fields.get("tools")
  const names = typeof given === "object" && given !== null ? Object.keys(given) : []
  const tools = fieldsOf(given, { path: "tools", code: "invalid_option", allowed: names })
  const parsed = names.map((name) => [name, parseTool(tools.get(name), `tools.${name}`)] as const)
  return { wallet, tools: Object.fromEntries(parsed) }
}

/** A misspelt field would leave a paid tool without terms. */
function parseTool(input: unknown, path: string): ExecutorTool {
  const fields = fieldsOf(input, { path, code: "invalid_option", allowed: ["execute", "terms"] })
  const [execute, terms] = [fields.get("execute"), fields.get("terms")]
  if (typeof execute !== "function") {
    fields.refuse("execute", execute, "Give each tool a function: { execute, terms }.")
  }
  if (terms !== undefined) checkTermsAt(terms, `${path}.terms`)
  return { execute, terms } as ExecutorTool
}

async function executeOne(
  wallet: WalletSource,
  tools: Readonly<Record<string, ExecutorTool>>,
  given: ToolCall,
  options: ExecuteOptions,
  index: number,
): Promise<Executed> {
  try {
    const call = atEdge(`calls[${index}]`, "invalid_option", () => parseCall(given, index))
    const tool = Object.hasOwn(tools, call.name) ? tools[call.name] : undefined
    if (tool === undefined) throw noTool(call, tools)
    const { execute, terms } = tool
    if (options.signal?.aborted) throw aborted(options.signal, "Nothing ran for it.")
    if (terms === undefined) return { call, ...(await runFree(execute, call.args)) }
    return {
      call,
      ...(await governUse({ ...terms, wallet }, useOf(call, options), () => execute(call.args))),
    }
  } catch (error) {
    return { call: given, status: "failed", error, message: errorMessage(error) }
  }
}

async function runFree(execute: ExecutorTool["execute"], args: unknown): Promise<FreeOutcome> {
  try {
    return { status: "done", result: await execute(args) }
  } catch (error) {
    return { status: "failed", error, message: textOf(error) }
  }
}

function useOf({ id, name, args, agent, message }: ToolCall, { thread, context, signal }: ExecuteOptions) {
  const key = message === undefined ? callKey(thread, id) : callKey(thread, message, id)
  return { tool: name, args, key, run: defined({ thread, agent, call: id }), context, signal }
}

function parseCall(input: unknown, index: number): ToolCall {
  const allowed = ["id", "name", "args", "agent", "message"]
  const fields = fieldsOf(input, { path: `calls[${index}]`, code: "invalid_option", allowed })
  return defined({
    id: required(fields, "id", "Pass the id of the tool call: it is what makes a repeat known."),
    name: required(fields, "name", "Name the tool."),
    args: fields.get("args"),
    agent: fields.text("agent", 256),
    message: fields.text("message", 256),
  }) as ToolCall
}

function parseOptions(input: unknown): ExecuteOptions {
  const allowed = ["thread", "context", "signal"]
  const what = "The second argument of execute"
  const fields = fieldsOf(input, { path: "", what, code: "invalid_option", allowed })
  const thread = required(fields, "thread", "Name the conversation: call ids are unique in it.")
  return { thread, context: fields.get("context"), signal: fields.signal("signal") }
}

function required(fields: Fields, name: string, remedy: string): string {
  return fields.text(name, 256) ?? fields.refuse(name, undefined, remedy)
}

function noTool({ name }: ToolCall, tools: object): NornrError {
  const remedy = `The executor has: ${Object.keys(tools).join(", ")}.`
  return new NornrError("invalid_option", `There is no tool ${show(name)}.`, { remedy })
}
