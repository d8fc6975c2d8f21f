// The process that goes on: the manager's run, from the agent that waited.
// #region resume

import { drop, load } from "@nornr/support/states"
import { RunState, run } from "@openai/agents"
import { manager } from "./manager.ts"
import { wallet } from "./wallet.ts"

for await (const { id } of wallet.reviewed()) {
  const result = await run(manager, await RunState.fromString(manager, (await load(id)) ?? ""))
  await drop(id)
  console.log(`  manager: ${result.finalOutput}`)
  break // one was asked for
}
// #endregion resume
await wallet.close()
