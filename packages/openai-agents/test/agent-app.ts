import type { AdapterApp, ContractCall, ContractStorage, ContractTool, Turn } from "@nornr/core/contracts"
import {
  Agent,
  type FunctionTool,
  type RunResult,
  RunState,
  type RunToolCallOutputItem,
  run,
  setTracingDisabled,
  tool,
} from "@openai/agents"
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing"
import { z } from "zod"
import { decisionOf } from "../src/index.ts"

setTracingDisabled(true)

// biome-ignore lint/suspicious/noExplicitAny: tools of whatever context, arguments and result
export type AnyTool = FunctionTool<any, any, any>

/** What runs of the tests are given. */
export interface Context {
  readonly thread: string
}

export const byThread = ({ thread }: Context) => thread

/** The tools of the contract as a user of the SDK writes them. */
export function bareTools(tools: readonly ContractTool[]): AnyTool[] {
  return tools.map(({ name, execute }) =>
    tool({ name, description: name, parameters: z.object({ price: z.number() }), execute }),
  )
}

/** A model that makes these calls and then says that it is done. */
function calling(calls: readonly Omit<ContractCall, "args">[] | readonly ContractCall[]): ScriptedModel {
  const asked = calls.map((call) => {
    const { id, name, args = { price: "a lot" } } = call as Partial<ContractCall> & Omit<ContractCall, "args">
    return functionCall(name, args as never, { callId: id })
  })
  return new ScriptedModel([asked, [assistantMessage("Done.")]])
}

/** An agent with these tools, before it has a model. */
type Build = (model: ScriptedModel, tools: AnyTool[]) => Agent<Context>

const plainAgent: Build = (model, tools) => new Agent<Context>({ name: "agent", model, tools })

const nestedAgent: Build = (model, tools) => {
  const helper = new Agent<Context>({ name: "helper", model, tools })
  const ask = helper.asTool({ toolName: "ask_helper", toolDescription: "asks" })
  return new Agent<Context>({ name: "manager", model: delegating(), tools: [ask] })
}

const delegating = () =>
  new ScriptedModel([
    [functionCall("ask_helper", { input: "go" }, { callId: "outer" })],
    [assistantMessage("It is done.")],
  ])

export interface AppOptions {
  readonly governed: AnyTool[]
  readonly bare: AnyTool[]
  readonly compare?: () => Promise<void>
  readonly isStreamed?: boolean
}

type Result = Awaited<ReturnType<typeof runAgent>>

/** Runs an agent on text, or on a state that was kept as text. */
async function runAgent(
  agent: Agent<Context>,
  input: string | RunState<Context, Agent<Context>>,
  thread: string,
  isStreamed: boolean,
) {
  const options = { context: { thread } }
  if (!isStreamed) return run(agent, input, options)
  const streamed = await run(agent, input, { ...options, stream: true })
  for await (const _ of streamed) {
    // events are looked at elsewhere
  }
  await streamed.completed
  return streamed
}

interface Kept {
  readonly calls: readonly ContractCall[]
  readonly isNested: boolean
  readonly state: string
}

/** Drives agents of the SDK through the adapter contract: what a process leaves behind is the text of a run's state. */
export function agentApp(
  { governed, bare, compare, isStreamed = false }: AppOptions,
  storage: ContractStorage,
): AdapterApp {
  const begin = async (
    thread: string,
    calls: readonly ContractCall[],
    tools: AnyTool[],
    isNested = false,
  ): Promise<Turn> => {
    const model = calling(calls)
    const agent = (isNested ? nestedAgent : plainAgent)(model, tools)
    const result = await runAgent(agent, "go", thread, isStreamed)
    storage.set(thread, JSON.stringify({ calls, isNested, state: result.state.toString() } satisfies Kept))
    return turnOf(result, model.calls.length)
  }
  const resumed = async (
    thread: string,
    change: (state: RunState<Context, Agent<Context>>) => void = () => undefined,
  ): Promise<Turn> => {
    const { calls, isNested, state } = JSON.parse(storage.get(thread) ?? "{}") as Kept
    const model = new ScriptedModel([[assistantMessage("Done.")], [assistantMessage("It is done.")]])
    const build = isNested ? nestedAgent : plainAgent
    const agent = build(model, governed)
    const restored = (await RunState.fromString(agent, state)) as RunState<Context, Agent<Context>>
    change(restored)
    if (isNested) Object.assign(agent, { model })
    const result = await runAgent(agent, restored, thread, isStreamed)
    if (result.interruptions.length > 0) {
      storage.set(thread, JSON.stringify({ calls, isNested, state: result.state.toString() } satisfies Kept))
    }
    return turnOf(result, model.calls.length)
  }
  return {
    call: (thread, calls) => begin(thread, calls, governed),
    resume: (thread) => resumed(thread),
    callBare: (thread, calls) => begin(thread, calls, bare),
    callNested: (thread, calls) => begin(thread, calls, governed, true),
    newTurn: (thread) =>
      runAgent(
        plainAgent(new ScriptedModel([[assistantMessage("Fine.")]]), governed),
        "never mind",
        thread,
        isStreamed,
      ),
    async sayYes(thread) {
      for (const alwaysApprove of [false, true]) {
        await resumed(thread, (state) => {
          for (const item of state.getInterruptions()) state.approve(item, { alwaysApprove })
        })
      }
    },
    callInvalid: (thread, call) => begin(thread, [call as ContractCall], governed),
    ...(compare && { compareWithBare: compare }),
  }
}

export function outputsOf({
  newItems,
}: Pick<RunResult<never, never>, "newItems">): readonly RunToolCallOutputItem[] {
  return newItems.filter((item) => item.type === "tool_call_output_item") as RunToolCallOutputItem[]
}

function turnOf(result: Result, modelCalls: number): Turn {
  const results = outputsOf(result).map((item) => [
    (item.rawItem as { readonly callId: string }).callId,
    { text: String(item.output), decision: decisionOf(item) },
  ])
  return { paused: result.interruptions.length > 0, results: Object.fromEntries(results), modelCalls }
}
