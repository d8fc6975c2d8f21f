// The first process: the manager asks its agents until a call of one of them waits for a person.
// #region ask
import { pendingDecisions } from "@nornr/openai-agents"
import { save } from "@nornr/support/states"
import { run } from "@openai/agents"
import { manager } from "./manager.ts"
import { wallet } from "./wallet.ts"

const context = { conversation: "launch" }
const task = "Prepare the launch: the autumn reports on one page, and a clip."
const result = await run(manager, task, { context })

for (const { id, run, amount, to, status } of pendingDecisions(result)) {
  await save(id, result.state.toString())
  console.log(`  ${run.agent}: ${run.tool}, ${amount} USD to ${to}: ${status}`)
}
// #endregion ask
await wallet.close()
