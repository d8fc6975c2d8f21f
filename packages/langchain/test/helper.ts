import { randomUUID } from "node:crypto"
import { AIMessage, HumanMessage } from "@langchain/core/messages"
import { tool } from "@langchain/core/tools"
import { createAgent } from "langchain"
import { z } from "zod"
import type { Building, Runnable } from "./agent-app.ts"
import { ScriptModel } from "./script-model.ts"

/** An agent whose one tool is another agent, which does what the user has said. */
export function helperOf(agent: Runnable, checkpointer: Building["checkpointer"]): Runnable {
  const ask = tool(
    async ({ task }) => {
      const { messages } = await agent.invoke({
        messages: [new HumanMessage({ id: randomUUID(), content: task })],
      })
      return String(messages.at(-1).content)
    },
    { name: "ask_helper", description: "asks the helper", schema: z.object({ task: z.string() }) },
  )
  const manager = new ScriptModel((messages) => {
    const last = messages.at(-1)
    const id = randomUUID()
    if (last?.getType() !== "human") return new AIMessage({ id, content: "done" })
    const args = { task: String(last.content) }
    return new AIMessage({
      id,
      content: "",
      tool_calls: [{ type: "tool_call", id: "h1", name: "ask_helper", args }],
    })
  })
  return createAgent({ model: manager, tools: [ask], ...(checkpointer && { checkpointer }) })
}
