import { type BaseMessage, ToolMessage } from "@langchain/core/messages"
import { Annotation, END, MessagesAnnotation, Send, START, StateGraph } from "@langchain/langgraph"
import { refusalOf } from "@nornr/core"
import type { ContractTool } from "@nornr/core/contracts"
import type { Building, Runnable } from "../../langchain/test/agent-app.ts"
import { type Decision, decisionGate, decisionsChannel, governedNode } from "../src/index.ts"

/** One call on its way through a paid step. */
const Lane = Annotation.Root({
  ...MessagesAnnotation.spec,
  decisions: decisionsChannel,
  call: Annotation<{ readonly id: string; readonly name: string; readonly args: { readonly price: number } }>,
  asking: Annotation<string>,
})
type LaneState = typeof Lane.State

type Tools = readonly ContractTool[]

/** A model whose calls each take a lane of their own. */
function laneGraph({ model, checkpointer }: Building, lane: (state: LaneState) => unknown): Runnable {
  const toLanes = ({ messages }: typeof MessagesAnnotation.State) => {
    const last = messages.at(-1) as { id?: string; tool_calls?: LaneState["call"][] }
    const sends = (last.tool_calls ?? []).map((call) => new Send("lane", { call, asking: last.id ?? "" }))
    return sends.length === 0 ? END : sends
  }
  return new StateGraph(MessagesAnnotation)
    .addNode("model", async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
    .addNode("lane", lane as never)
    .addEdge(START, "model")
    .addConditionalEdges("model", toLanes, ["lane", END])
    .addEdge("lane", "model")
    .compile({ ...(checkpointer && { checkpointer }) })
}

const toolOf = (tools: Tools, { call }: Pick<LaneState, "call">) =>
  tools.find(({ name }) => name === call.name) as ContractTool

async function answer(tools: Tools, state: Pick<LaneState, "call">): Promise<{ messages: BaseMessage[] }> {
  const content = await toolOf(tools, state).execute(state.call.args)
  return { messages: [new ToolMessage({ content, tool_call_id: state.call.id, name: state.call.name })] }
}

function refuse({ call }: Pick<LaneState, "call">, decision: Decision): { messages: BaseMessage[] } {
  const fields = { content: refusalOf(decision), tool_call_id: call.id, status: "error" as const }
  return { messages: [new ToolMessage({ ...fields, artifact: { nornr: decision } })] }
}

const termsOf = (tools: Tools) => ({
  wallet: tools[0]?.terms.wallet as never,
  key: ({ asking, call }: LaneState) => `${asking}/${call.id}`,
  amount: ({ call }: LaneState) => call.args.price,
  to: ({ call }: LaneState) => `${call.name}.example`,
})

export function bareGraph(building: Building, tools: Tools): Runnable {
  return laneGraph(building, (state) => answer(tools, state))
}

/** A lane as the guide draws it: ask, then run, wait or stop. */
export function gateGraph(building: Building, tools: Tools): Runnable {
  const gate = decisionGate<LaneState>("order", termsOf(tools))
  const routes = gate.route({ approved: "execute_action", queued: "await_review", rejected: "stop_workflow" })
  const tell = ({ messages, decisions }: LaneState) => {
    const [message] = messages as ToolMessage[]
    const artifact = { nornr: decisions["order"] }
    return message === undefined
      ? {}
      : {
          messages: [
            new ToolMessage({ ...(message.lc_kwargs as ToolMessage), id: message.id as string, artifact }),
          ],
        }
  }
  const lane = new StateGraph(Lane)
    .addNode("ask", gate.ask)
    .addNode("await_review", gate.review)
    .addNode(
      "execute_action",
      gate.run((state) => answer(tools, state)),
    )
    .addNode("tell", tell)
    .addNode("stop_workflow", (state) => refuse(state, state.decisions["order"] as Decision))
    .addEdge(START, "ask")
    .addConditionalEdges("ask", ...routes)
    .addConditionalEdges("await_review", ...routes)
    .addEdge("execute_action", "tell")
    .addEdge("tell", END)
    .addEdge("stop_workflow", END)
    .compile()
  return laneGraph(building, lane as never)
}

/** The short form: one node that asks, waits by itself and runs once. */
export function nodeGraph(building: Building, tools: Tools): Runnable {
  const lane = governedNode(async (state: LaneState) => answer(tools, state), {
    ...termsOf(tools),
    name: "order",
    rejected: (decision, state) => refuse(state, decision),
  })
  return laneGraph(building, async (state) => {
    const { messages, decisions } = (await lane({ ...state, decisions: {} })) as LaneState
    const [message] = messages as ToolMessage[]
    return {
      messages: [
        new ToolMessage({ ...(message?.lc_kwargs as ToolMessage), artifact: { nornr: decisions["order"] } }),
      ],
    }
  })
}
