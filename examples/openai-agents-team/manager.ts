// #region manager
import { Agent } from "@openai/agents"
import { tools } from "./tools.ts"

type Context = { conversation: string }
const model = "gpt-5-mini"

const researcher = new Agent<Context>({
  name: "researcher",
  instructions: "You are the researcher. You have reports summarised (16 USD).",
  ...{ model, tools },
})
const designer = new Agent<Context>({
  name: "designer",
  instructions: "You are the designer. You have the launch clip rendered (34 USD).",
  ...{ model, tools },
})

export const manager = new Agent<Context>({
  name: "manager",
  instructions: "You are the manager. Ask the researcher and the designer, both at once, then report.",
  model,
  tools: [researcher, designer].map((agent) =>
    agent.asTool({ toolName: `ask_${agent.name}`, toolDescription: `Asks the ${agent.name}.` }),
  ),
})
// #endregion manager
