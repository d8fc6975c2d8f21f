// The first process: the team talks until a call waits for a person.
// #region talk
import { decisionsOf, pendingDecisions } from "@nornr/langgraph"
import { team } from "./team.ts"

const config = { configurable: { thread_id: "launch" } }
const task = "Prepare the launch: the autumn reports on one page, and a clip."
const result = await team.invoke({ messages: [{ role: "user", content: task }] }, config)

for (const { run, amount, to, status } of [...decisionsOf(result), ...pendingDecisions(result)]) {
  console.log(`  ${run.agent}: ${run.tool}, ${amount} USD to ${to}: ${status}`)
}
// #endregion talk
