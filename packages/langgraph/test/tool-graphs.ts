import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph"
import { ToolNode } from "@langchain/langgraph/prebuilt"
import type { Building, Runnable } from "../../langchain/test/agent-app.ts"
import { sendToolCalls } from "../src/index.ts"

type Tools = ConstructorParameters<typeof ToolNode>[0]

/** Model and tools in turn, as the graph of every tutorial; all calls of a message in one task, or one task each. */
export function toolGraph(
  { model, checkpointer }: Building,
  tools: Tools,
  tasks: "one task" | "a task a call",
): Runnable {
  const toTools = ({ messages }: typeof MessagesAnnotation.State) => {
    const calls = (messages.at(-1) as { tool_calls?: readonly unknown[] }).tool_calls ?? []
    return calls.length > 0 ? "tools" : END
  }
  return new StateGraph(MessagesAnnotation)
    .addNode("model", async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
    .addNode("tools", new ToolNode(tools))
    .addEdge(START, "model")
    .addConditionalEdges("model", tasks === "one task" ? toTools : sendToolCalls("tools"), ["tools", END])
    .addEdge("tools", "model")
    .compile({ ...(checkpointer && { checkpointer }) })
}
