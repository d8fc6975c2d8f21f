import type { CallbackManagerForToolRun } from "@langchain/core/callbacks/manager"
import { StructuredTool } from "@langchain/core/tools"
import {
  checkTerms,
  governedMark,
  NornrError,
  type Outcome,
  requireOptions,
  requireToolNames,
  type Terms,
  termsByName,
  type WalletSource,
  warnNotRun,
} from "@nornr/core"
import { artifactWith, directWith, hasPlace, isToolMessage, messageWith } from "./annotate.ts"
import { isCommand } from "./graph/graph-command.ts"
import { governPausing } from "./graph/pausing.ts"
import { asBag, siteOf } from "./graph/site.ts"
import { codecIn } from "./recorded.ts"
import {
  type Answered,
  errorToolMessage,
  notApproved,
  refusalMessage,
  successMessage,
  undecidedMessage,
} from "./tool-messages.ts"
import { type CalledTool, callOf, useOf } from "./tool-use.ts"
import type { AnyTool, ArgsOf, ResultOf, TermsByName } from "./types.ts"

/**
 * The same tool under a wallet: decided before it runs, run once a call, its decision in `artifact.nornr` of its
 * message. Name, schema, description, metadata, callbacks, streaming, state and types are the tool's own.
 * @throws {NornrError} `invalid_option`, `invalid_amount` for bad terms or what is no tool of LangChain
 */
export function governedTool<T extends AnyTool>(tool: T, terms: Terms<ArgsOf<T>, ResultOf<T>>): T {
  requireTool(tool)
  checkTerms(terms, [], tool.name)
  return governed(tool as T & CallableTool, terms as Terms<unknown>)
}

/**
 * A list of tools, such as those of an MCP server, those that are named in `terms` under the wallet; the others
 * as they are.
 * @throws {NornrError} as `governedTool`; `invalid_option` for terms that name no tool of the list
 */
export function governedTools<const T extends readonly AnyTool[]>(
  tools: T,
  options: { readonly wallet: WalletSource; readonly terms: TermsByName<T> },
): { -readonly [K in keyof T]: T[K] } {
  if (!Array.isArray(tools)) {
    throw new NornrError("invalid_option", "The tools are no array.", { remedy: "Pass a list of tools." })
  }
  requireOptions(options, ["wallet", "terms"])
  const terms = termsByName(options.wallet, options.terms, "terms")
  requireToolNames("terms", terms, tools)
  return tools.map((tool) => {
    const own = terms.get(String(asBag(tool)["name"]))
    return own === undefined ? tool : governedTool<AnyTool>(tool, own as Terms<unknown>)
  }) as never
}

/** Sees the tool itself run. */
type Watch = (run: () => Promise<unknown>) => Promise<unknown>

const unwatched: Watch = (run) => run()

/** What LangChain calls on a tool that validates, traces and formats by itself. */
export interface CallableTool extends CalledTool {
  readonly responseFormat?: string
  invoke(input: unknown, ...more: readonly unknown[]): unknown
  _call(args: unknown, runManager?: CallbackManagerForToolRun, config?: unknown): unknown
}

export function requireTool(tool: unknown): asserts tool is CallableTool {
  if (typeof (tool as Partial<CallableTool> | null)?._call === "function") return
  const problem = "The tool is none that runs here, or is another's: it has no _call."
  const remedy =
    "Pass what tool(), DynamicStructuredTool or a subclass of StructuredTool gives; hosted tools run at the provider."
  throw new NornrError("invalid_option", problem, { remedy })
}

/**
 * A view of the tool that differs in how it is called: LangChain still validates the arguments, runs callbacks and
 * formats the result, once.
 */
export function governed<T extends CallableTool>(
  tool: T,
  terms: Terms<unknown>,
  watch: Watch = unwatched,
): T {
  const view: T = Object.create(tool, { [governedMark]: { value: true } })
  const calls = new WeakSet<object>()
  const call: CallableTool["_call"] = (args, runManager, config) =>
    callGoverned(tool, terms, { args, runManager, config, calls, watch })
  const own = {
    _call: call,
    responseFormat: "content_and_artifact",
    invoke(this: unknown, input: unknown, ...more: readonly unknown[]) {
      if (typeof input === "object" && input !== null) calls.add(input)
      return tool.invoke.call(this, input, ...more)
    },
    ...("func" in tool && { func: call }),
  }
  for (const [name, value] of Object.entries(own)) {
    Object.defineProperty(view, name, { value, writable: true, configurable: true })
  }
  return readOwnGetters(tool, view)
}

/** Getters of a subclass may read its private fields: they are asked of the tool itself. */
function readOwnGetters<T extends object>(tool: T, view: T): T {
  for (let owner = Object.getPrototypeOf(tool); owner !== null; owner = Object.getPrototypeOf(owner)) {
    if (owner === Object.prototype || owner === StructuredTool.prototype) break
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
      if (get === undefined || Object.hasOwn(view, name) || Object.hasOwn(tool, name)) continue
      Object.defineProperty(view, name, { get: () => get.call(tool), configurable: true })
    }
  }
  return view
}

interface Called {
  /** As LangChain has validated and transformed them. */
  readonly args: unknown
  readonly runManager: CallbackManagerForToolRun | undefined
  readonly config: unknown
  /** What this very tool was invoked with: a call in the config may be that of a tool that calls this one. */
  readonly calls: WeakSet<object>
  readonly watch: Watch
}

async function callGoverned(tool: CallableTool, terms: Terms<unknown>, called: Called): Promise<unknown> {
  const { args, runManager, config, calls, watch } = called
  const site = siteOf(config)
  const call = callOf(config, calls)
  const codec = await codecIn(site)
  const answered =
    call?.id === undefined ? undefined : { name: tool.name, id: call.id, metadata: tool.metadata }
  let outcome: Outcome<unknown>
  try {
    const use = { ...useOf(tool, args, call, site), codec }
    outcome = await governPausing(terms, use, site, () =>
      watch(async () => readToEnd(await tool._call.call(tool, args, runManager, config), runManager)),
    )
  } catch (error) {
    const isUndecided = NornrError.isInstance(error) && error.code !== "aborted"
    if (answered === undefined || !isUndecided) throw error
    warnNotRun(tool.name, error)
    return [undecidedMessage(answered, error), undefined]
  }
  if (outcome.status === "done") return present(tool, outcome, answered)
  if (outcome.status === "failed") {
    if (answered === undefined || !isLost(outcome.error)) throw outcome.error
    return [errorToolMessage(answered, outcome.message, { nornr: outcome.decision }), undefined]
  }
  if (answered === undefined) throw notApproved(tool.name, outcome)
  return [refusalMessage(answered, outcome), undefined]
}

/** It ran before, and what it gave was not kept: nothing that the tool threw. */
function isLost(error: unknown): boolean {
  return NornrError.isInstance(error) && error.code === "result_not_kept"
}

/** As LangChain reads a tool that streams: its chunks are events of the run, what it returns is the result. */
async function readToEnd(
  given: unknown,
  runManager: CallbackManagerForToolRun | undefined,
): Promise<unknown> {
  if (!isAsyncGenerator(given)) return given
  for (;;) {
    const step = await given.next()
    if (step.done === true) return step.value
    try {
      await runManager?.handleToolEvent(step.value)
    } catch (error) {
      await runManager?.handleToolError(error)
    }
  }
}

function isAsyncGenerator(value: unknown): value is AsyncGenerator<unknown, unknown, undefined> {
  const { next, [Symbol.asyncIterator]: iterate } = asBag(value) as Partial<AsyncGenerator>
  return typeof next === "function" && typeof iterate === "function"
}

/** The tool's result as the pair that LangChain formats: content, and the artifact with the decision. */
function present(
  tool: CallableTool,
  { result, decision }: Extract<Outcome<unknown>, { readonly status: "done" }>,
  answered: Answered | undefined,
): unknown {
  const isPair = tool.responseFormat === "content_and_artifact"
  if (isPair && !(Array.isArray(result) && result.length === 2)) return result // LangChain says what is wrong
  const [content, artifact]: readonly unknown[] = isPair ? (result as unknown[]) : [result]
  if (isToolMessage(content) || isCommand(content)) {
    return [directWith(content, decision, answered?.id), undefined]
  }
  if (hasPlace(artifact) || answered === undefined) return [content, artifactWith(artifact, decision)]
  return [messageWith(successMessage(answered, content, artifact), decision), undefined]
}
