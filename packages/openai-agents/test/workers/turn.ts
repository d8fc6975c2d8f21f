// One turn of a conversation in a process of its own: a ledger, and the state of a paused run, are what it finds.
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { callMetered } from "@nornr/core/contracts"
import { Agent, Runner, RunState, tool } from "@openai/agents"
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing"
import { z } from "zod"
import { currentSpend, decisionOf, governedTool, pendingDecisions, Wallet } from "../../src/index.ts"
import { outputsOf } from "../agent-app.ts"

/** What a turn is to do. */
export interface Turn {
  /** The price of the call that the model makes; left out, the saved state is resumed. */
  readonly price?: number
  /** Where the process is killed: while the tool runs, after its vendor has answered; or after the tool has ended. */
  readonly dies?: "running" | "ended"
  /** Whether the SDK is told yes. */
  readonly yes?: boolean
  /** The tool was deployed anew, with another schema. */
  readonly changed?: boolean
  /** How much later it is, in milliseconds. */
  readonly later?: number
}

/** What came of it. */
export interface Came {
  readonly pending: readonly string[]
  readonly text?: string
  readonly settled?: string | undefined
}

const [form, folder = "", url = "", what = "{}"] = process.argv.slice(2)
const { price, dies, yes, changed, later = 0 } = JSON.parse(what) as Turn
const die = () => process.kill(process.pid, "SIGKILL")
const path = join(folder, "state.json")

await using wallet = await Wallet.create({
  ...{ owner: "agent", dailyLimit: 50, requireApprovalAbove: 20 },
  ledger: join(folder, "ledger.db"),
  clock: { now: () => new Date(Date.now() + later) },
})
const terms = {
  wallet,
  amount: ({ price }: { price: number }) => price,
  to: "search.example",
  scope: () => "t",
}
const parameters = z.object({ price: z.number() })
const grown = z.object({ price: z.number(), quantity: z.number().default(3) }) as never as typeof parameters
const options = {
  ...{ name: "search", description: "searches", parameters: changed === true ? grown : parameters },
  async execute(args: { price: number }) {
    const { request } = await callMetered(url, "search", args, currentSpend()?.idempotencyKey)
    if (dies === "running") die()
    return `search ${request}`
  },
}
const search =
  form === "created" ? governedTool({ ...options, ...terms }) : governedTool(tool(options), terms)
const done = [assistantMessage("Done.")]
const calls = [functionCall("search", { price: price ?? 0 }, { callId: "c1" })]
const model = new ScriptedModel(price === undefined ? [done] : [calls, done])
const agent = new Agent({ name: "agent", model, tools: [search] })
const runner = new Runner({ tracingDisabled: true })
if (dies === "ended") runner.on("agent_tool_end", die)
const saved = existsSync(path) ? readFileSync(path, "utf8") : ""
const state = price === undefined ? await RunState.fromString(agent, saved) : "go"
if (yes === true && typeof state !== "string")
  for (const item of state.getInterruptions()) state.approve(item)
const result = await runner.run(agent, state)
if (result.interruptions.length > 0) writeFileSync(path, result.state.toString())
const [output] = outputsOf(result)
const came: Came = {
  pending: pendingDecisions(result).map(({ id }) => id),
  ...(output && { text: String(output.output), settled: decisionOf(output)?.execution.settled }),
}
process.stdout.write(JSON.stringify(came))
