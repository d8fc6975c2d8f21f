import { randomUUID } from "node:crypto"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type BaseMessage, HumanMessage, type ToolMessage } from "@langchain/core/messages"
import { tool } from "@langchain/core/tools"
import { Command } from "@langchain/langgraph"
import { decisionOf } from "@nornr/core"
import type { AdapterApp, ContractStorage, ContractTool, Turn } from "@nornr/core/contracts"
import { sqliteSaver } from "@nornr/support/sqlite-saver"
import { z } from "zod"
import { resumeCommand } from "../src/index.ts"
import { ScriptModel, script } from "./script-model.ts"

/** What an agent and a compiled graph have in common. */
export interface Runnable {
  // biome-ignore lint/suspicious/noExplicitAny: agents and graphs type their state each in its own way
  invoke(input: any, config?: any): Promise<any>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  getState(config: any): Promise<any>
}

export interface Building {
  readonly model: ScriptModel
  readonly checkpointer?: ReturnType<typeof sqliteSaver>
}

export interface AgentBuilder {
  build(building: Building): Runnable
  /** With the tools as they are without the adapter. */
  buildBare(building: Building): Runnable
  /** An agent whose tool is an agent that makes the calls. */
  buildNested?(building: Building): Runnable
  /** A step that fails ends the run: there is no message for the model. */
  readonly throwsOf?: "node"
  /** Asserts that a governed tool differs from the bare one in its decision alone. */
  compare?(): Promise<void>
}

/** The tools of the contract as a user of LangChain writes them. */
export function bareTools(tools: readonly ContractTool[]) {
  return tools.map(({ name, execute }) =>
    tool(async ({ price }) => execute({ price }), {
      name,
      description: name,
      schema: z.object({ price: z.number() }),
    }),
  )
}

/** Drives agents and graphs of LangGraph's runtime through the adapter contract, on LangGraph's SQLite saver. */
export function agentApp(builder: AgentBuilder, storage: ContractStorage): AdapterApp {
  const path = storage.get("path") ?? join(tmpdir(), `nornr-checkpoints-${randomUUID()}.db`)
  storage.set("path", path)
  const checkpointer = sqliteSaver(path)
  const model = new ScriptModel()
  const governed = builder.build({ model, checkpointer })
  const at = (thread: string) => ({ configurable: { thread_id: thread } })
  const nested = builder.buildNested?.({ model, checkpointer })
  const graphs = new Map<string, Runnable>()
  const graphOf = (thread: string) => graphs.get(thread) ?? governed
  const run = async (graph: Runnable, input: unknown, thread: string): Promise<Turn> => {
    graphs.set(thread, graph)
    const before = model.calls
    const state = await graph.invoke(input, at(thread))
    return turnOf(state, model.calls - before)
  }
  const callIn = async (
    graph: Runnable,
    thread: string,
    calls: Parameters<typeof script>[0],
  ): Promise<Turn> => {
    try {
      return await run(graph, { messages: [script(calls)] }, thread)
    } catch (error) {
      if (builder.throwsOf === undefined) throw error
      const result = { text: String(error), isError: true, decision: decisionOf(error) }
      return {
        paused: false,
        results: Object.fromEntries(calls.map(({ id }) => [id, result])),
        modelCalls: 1,
      }
    }
  }
  return {
    call: (thread, calls) => callIn(governed, thread, calls),
    async resume(thread) {
      const graph = graphOf(thread)
      const command = await resumeCommand(graph, at(thread))
      if (command !== undefined) return run(graph, command, thread)
      const state = await graph.getState(at(thread))
      const isPaused = state.tasks.some(
        (task: { interrupts: readonly unknown[] }) => task.interrupts.length > 0,
      )
      // Woken although nothing is decided: it asks the ledger, and pauses again.
      return isPaused ? run(graph, new Command({ resume: "wake up" }), thread) : turnOf(state.values, 0)
    },
    callBare: (thread, calls) => callIn(builder.buildBare({ model, checkpointer }), thread, calls),
    newTurn: (thread) => governed.invoke({ messages: [new HumanMessage("Never mind.")] }, at(thread)),
    async sayYes(thread) {
      const { tasks } = await governed.getState(at(thread))
      const ids: string[] = tasks.flatMap((task: { interrupts: { id: string }[] }) =>
        task.interrupts.map(({ id }) => id),
      )
      const yes = { decisions: [{ type: "approve" }] }
      for (const resume of ["yes", true, yes, ...ids.map((id) => ({ [id]: yes }))]) {
        await governed.invoke(new Command({ resume }), at(thread))
      }
    },
    ...(nested && { callNested: (thread, calls) => callIn(nested, thread, calls) }),
    ...(builder.compare && { compareWithBare: builder.compare }),
    callWithoutStorage: (thread, calls) => callIn(builder.build({ model }), thread, calls),
    callInvalid: (thread, { id, name }) => callIn(governed, thread, [{ id, name, args: { price: "a lot" } }]),
  }
}

function turnOf(
  state: { messages: BaseMessage[]; __interrupt__?: readonly unknown[] },
  modelCalls: number,
): Turn {
  const messages = state.messages.filter((message) => message.getType() === "tool") as ToolMessage[]
  const results = messages.map((message) => [
    message.tool_call_id,
    { text: message.text, isError: isError(message), decision: decisionOf(message) },
  ])
  return { paused: (state.__interrupt__ ?? []).length > 0, results: Object.fromEntries(results), modelCalls }
}

/** Before 1.5.14 LangChain did not mark the error messages that it makes itself. */
function isError({ status, text }: ToolMessage): boolean {
  return status === "error" || text.endsWith("Please fix your mistakes.")
}
