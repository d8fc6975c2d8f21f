// #region agent
import { budgetGuardrail, governedModel } from "@nornr/openai-agents"
import { Agent, OpenAIProvider } from "@openai/agents"
import { wallet } from "./wallet.ts"

const model = governedModel(await new OpenAIProvider().getModel("gpt-5-mini"), {
  wallet,
  to: "openai",
  price: { input: "1.25", output: "10" }, // USD per million tokens
  maxOutputTokens: 4000, // of one answer: the model is told the same
})

export const agent = new Agent({
  name: "researcher",
  instructions: "You are the researcher. Answer in two sentences.",
  model,
  inputGuardrails: [budgetGuardrail({ wallet, atLeast: 6 })], // no run starts with less than 6 USD left
})
// #endregion agent
