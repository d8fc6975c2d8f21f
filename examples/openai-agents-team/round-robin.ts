// AutoGen's round robin over run(): two speakers, one executor that has the tools.
// #region robin
import { decisionsOf } from "@nornr/openai-agents"
import { Agent, type AgentInputItem, run, user } from "@openai/agents"
import { tools } from "./tools.ts"
import { wallet } from "./wallet.ts"

type Context = { conversation: string }
const model = "gpt-5-mini"
const speaker = (name: string, instructions: string) =>
  new Agent<Context>({
    name,
    model,
    instructions: `You sit in a round. You are the ${name}. ${instructions}`,
  })

const planner = speaker("planner", "Say what is to be bought. Say TERMINATE when all is done.")
const critic = speaker("critic", "Say in one sentence whether the plan is worth its price.")
const executor = speaker("executor", "Buy what was agreed with your tools, and report.")
executor.tools = tools // the one place where money is spent

let history: AgentInputItem[] = [user("Have the spring reports summarised, for 6 USD at most.")]
const context = { conversation: "spring" }
for (const agent of [planner, critic, executor, planner]) {
  const turn = await run(agent, history, { context })
  history = turn.history
  console.log(`  ${agent.name}: ${turn.finalOutput}`)
  for (const { run, amount, execution } of decisionsOf(turn)) {
    console.log(`    ${run.agent}: ${run.tool}, ${amount} USD, ${execution.state}`)
  }
  if (turn.finalOutput?.includes("TERMINATE")) break
}
// #endregion robin
await wallet.close()
