// #region speakers
import { AIMessage, type BaseMessage, SystemMessage } from "@langchain/core/messages"
import { Annotation, END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph"
import { ToolNode } from "@langchain/langgraph/prebuilt"
import { sendToolCalls } from "@nornr/langgraph"
import { type Line, modelOf } from "@nornr/support/scripted-model"
import { sqliteSaver } from "@nornr/support/sqlite-saver"
import { tools } from "./tools.ts"

const Team = Annotation.Root({ ...MessagesAnnotation.spec, turns: Annotation<number> })

/** One voice of the team: its name is on every message, and so on every decision. */
function speaker(name: string, task: string, lines: readonly Line[]) {
  const model = modelOf(lines, name)
  return async ({ messages, turns = 0 }: typeof Team.State) => {
    const system = new SystemMessage(`You are the ${name}. ${task} Say TERMINATE when all is done.`)
    const { content, tool_calls, id } = await model.bindTools(tools).invoke([system, ...messages])
    const said = new AIMessage({ content, tool_calls: tool_calls ?? [], name, ...(id && { id }) })
    return { messages: [said], turns: turns + 1 }
  }
}
// #endregion speakers

const researcher = speaker("researcher", "You have reports summarised (16 USD).", [
  [{ name: "summarise", args: { topic: "the autumn reports", price: 16 } }],
  "The reports are on one page, the clip is there. TERMINATE",
])
const designer = speaker("designer", "You have the launch clip rendered (34 USD).", [
  [{ name: "render", args: { clip: "the launch", price: 34 } }],
])
const checkpointer = sqliteSaver(process.env["CHECKPOINTS"] ?? ":memory:")

// #region team
const order = ["researcher", "designer"] as const
const toTools = sendToolCalls("executor", "select")

/** AutoGen's round robin, until one of them ends it. */
function select({ messages, turns }: typeof Team.State): (typeof order)[number] | typeof END {
  const last: BaseMessage | undefined = messages.at(-1)
  if (last?.text.includes("TERMINATE") || turns > 10) return END
  return order[turns % order.length] ?? END
}

export const team = new StateGraph(Team)
  .addNode("researcher", researcher)
  .addNode("designer", designer)
  .addNode("executor", new ToolNode(tools)) // the one place where money is spent
  .addNode("select", async () => ({}))
  .addEdge(START, "researcher")
  .addConditionalEdges("researcher", toTools, ["executor", "select"])
  .addConditionalEdges("designer", toTools, ["executor", "select"])
  .addEdge("executor", "select")
  .addConditionalEdges("select", select, [...order, END])
  .compile({ checkpointer })
// #endregion team
