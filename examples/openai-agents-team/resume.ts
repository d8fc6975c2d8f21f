// The process that goes on: the manager's run, from the agent that waited.
// #region resume

import { drop, load } from "@nornr/support/states"
import { RunState, run } from "@openai/agents"
import { manager } from "./manager.ts"
import { wallet } from "./wallet.ts"

for await (const decision of wallet.reviewed()) {
  const conversation = decision.run.thread ?? ""
  const result = await run(manager, await RunState.fromString(manager, (await load(conversation)) ?? ""))
  if (result.interruptions.length === 0) await drop(conversation)
  console.log(`  manager: ${result.finalOutput}`)
  break
}
// #endregion resume
await wallet.close()
