import type { RunnableConfig } from "@langchain/core/runnables"
import type { Command } from "@langchain/langgraph"
import { currentDecision, type Decision, decisionOf, NornrError } from "@nornr/core"
import { GraphCommand } from "./graph-command.ts"
import { langgraph } from "./langgraph.ts"
import { asBag, text } from "./site.ts"

/** An agent or a compiled graph. */
interface Stateful {
  getState(config: ThreadConfig): Promise<unknown>
}

type ThreadConfig = Pick<RunnableConfig, "configurable">

/** What wakes a pause; the tool asks the ledger, whatever is in it. */
interface WakeUp {
  readonly nornr: string
  readonly status: Decision["status"]
}

/** A command for any graph: it updates nothing and goes nowhere. */
type Resume = Command<Readonly<Record<string, WakeUp>>, never, never>

/**
 * The command that resumes what reviewers have decided in a thread, and nothing else that waits there: pass it to
 * `invoke` or `stream` with the same config. Undefined where nothing is decided. The wallets of the waiting
 * decisions must be open in this process.
 * @throws {NornrError} `wallet_closed` where one is not; `unsupported` where two copies of LangGraph meet; what
 * reading the ledger throws
 */
export async function resumeCommand(graph: Stateful, config: ThreadConfig): Promise<Resume | undefined> {
  requireThread(graph, config)
  const state = await graph.getState(config)
  warnIfUnknown(state, config)
  const waiting = pausesOf(state)
  const now = await Promise.all(
    waiting.map(async ({ id, decision }) => ({ id, decision: await currentDecision(decision) })),
  )
  const decided = now.filter(({ decision }) => decision.status !== "queued")
  if (decided.length === 0) return undefined
  const wakeUps = decided.map(
    ({ id, decision }) => [id, { nornr: decision.id, status: decision.status }] as const,
  )
  return commandFor(graph, Object.fromEntries(wakeUps))
}

function requireThread(graph: unknown, config: unknown): void {
  const { thread_id: thread } = asBag(asBag(config)["configurable"])
  if (typeof asBag(graph)["getState"] !== "function") {
    const remedy = "Pass an agent of createAgent, or a compiled graph."
    throw new NornrError("invalid_option", "The graph has no getState.", { remedy })
  }
  if (text(thread) === undefined) {
    const remedy = "Pass the config of the run: { configurable: { thread_id } }."
    throw new NornrError("invalid_option", "The config names no thread.", { remedy })
  }
}

/** What was approved would be taken up here and come to nothing. */
function warnIfUnknown(state: unknown, { configurable }: ThreadConfig): void {
  if (asBag(asBag(asBag(state)["config"])["configurable"])["checkpoint_id"] !== undefined) return
  const message = `nornr: the graph's checkpointer knows no thread ${JSON.stringify(configurable?.["thread_id"])}: nothing of it is resumed here. A MemorySaver knows those of its own process alone.`
  globalThis.process?.emitWarning?.(message, { type: "NornrWarning", code: "thread_unknown" })
}

/** A graph knows a command by its name; an agent with middleware by the class of its own copy of LangGraph. */
async function commandFor(graph: Stateful, resume: Record<string, WakeUp>): Promise<Resume> {
  const { graph: inner } = asBag(graph)
  if (inner === undefined) return new GraphCommand({ resume }) as object as Resume
  const known = await langgraph()
  if (known !== undefined && inner instanceof known.CompiledStateGraph) {
    return new known.Command({ resume }) as Resume
  }
  const problem =
    "The agent's copy of @langchain/langgraph cannot be imported here, and it would take a command of another for new input."
  const remedy =
    "Install @langchain/langgraph beside langchain, once (npm dedupe), or pass agent.graph here and resume that."
  throw new NornrError("unsupported", problem, { remedy })
}

/** The decisions that a run waits for, from what `invoke` returned or `getState` gave. */
export function pendingDecisions(run: unknown): readonly Decision[] {
  const pauses = pausesOf(run).map(({ decision }) => [decision.id, decision] as const)
  return [...new Map(pauses).values()]
}

interface Pause {
  /** Of the interrupt. */
  readonly id: string
  readonly decision: Decision
}

/** A task that has a result was resumed, and keeps its interrupts until its whole step has ended. */
function pausesOf(run: unknown): readonly Pause[] {
  const { __interrupt__: shown, tasks } = asBag(run)
  const waiting = list(tasks).filter((task) => asBag(task)["result"] === undefined)
  const kept = waiting.flatMap((task) => list(asBag(task)["interrupts"]))
  return [...list(shown), ...kept].flatMap((each) => {
    const { id, value } = asBag(each)
    const decision = decisionOf(value)
    return decision === undefined ? [] : [{ id: String(id), decision }]
  })
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
