// One process of an agent: `turn.ts <variety> <folder> <service> <what to do, as JSON>`; prints what it came to.
import { join } from "node:path"
import { Command } from "@langchain/langgraph"
import { Wallet } from "@nornr/core"
import { sqliteSaver } from "@nornr/support/sqlite-saver"
import type { Runnable } from "../../../langchain/test/agent-app.ts"
import { ScriptModel, script } from "../../../langchain/test/script-model.ts"
import { decisionOf, pendingDecisions, resumeCommand } from "../../src/index.ts"
import { at, paidTools, toolMessages } from "../stage.ts"
import { type Variety, varieties } from "../varieties.ts"

export interface Turn {
  readonly say?: Parameters<typeof script>[0]
  /** The user of LangGraph answers all pauses with this, whatever the wallet says. */
  readonly answer?: unknown
  /** Goes on where a process died. */
  readonly again?: true
  /** Dies when a tool has returned and its result is not yet checkpointed. */
  readonly dies?: true
}

const [variety, folder = "", url = "", text = "{}"] = process.argv.slice(2)
const turn: Turn = JSON.parse(text)
const checkpointer = sqliteSaver(join(folder, "checkpoints.db"))
if (turn.dies) {
  const { putWrites } = checkpointer
  checkpointer.putWrites = async function (this: typeof checkpointer, ...args: Parameters<typeof putWrites>) {
    if (JSON.stringify(args[1]).includes("ToolMessage")) process.kill(process.pid, "SIGKILL")
    return putWrites.apply(this, args)
  }
}
const terms = { dailyLimit: 50, requireApprovalAbove: 20 }
await using wallet = await Wallet.create({ owner: "agent", ...terms, ledger: join(folder, "ledger.db") })
const graph: Runnable = varieties[variety as Variety](
  { model: new ScriptModel(), checkpointer },
  paidTools(wallet, url),
)

async function inputOf({ say, answer, again }: Turn): Promise<unknown> {
  if (say !== undefined) return { messages: [script(say)] }
  if (answer !== undefined) return new Command({ resume: answer })
  return again ? null : resumeCommand(graph, at("t"))
}

const input = await inputOf(turn)
if (input !== undefined) {
  const state = await graph.invoke(input, at("t"))
  const results = toolMessages(state).map((message) => ({
    id: message.tool_call_id,
    text: message.text,
    status: decisionOf(message)?.status,
    settled: decisionOf(message)?.execution.settled,
  }))
  process.stdout.write(
    `${JSON.stringify({ pending: pendingDecisions(state).map(({ id }) => id), results })}\n`,
  )
}
