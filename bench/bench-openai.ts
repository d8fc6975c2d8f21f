import { join } from "node:path"
import { governedTool, Wallet } from "@nornr/openai-agents"
import { Agent, type FunctionTool, run, setTracingDisabled, tool } from "@openai/agents"
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing"
import { z } from "zod"
import { bareCommits } from "./bare-disk.ts"
import { compare } from "./measure.ts"

/** A run in which a model calls a tool that does nothing: bare with as many durable commits beside it, and governed. */
export async function benchOpenAI(folder: string, terms: object, turns: number): Promise<void> {
  setTracingDisabled(true)
  const options = { owner: "bench", dailyLimit: 1_000_000, ...terms, ledger: join(folder, "openai.db") }
  const wallet = await Wallet.create(options)
  const bare = bareCommits(join(folder, "bare-openai.db"))
  const intent = { amount: "0.000001", to: "vendor" }
  const parameters = z.object({ q: z.string() })
  const search = tool({
    name: "search",
    description: "searches",
    parameters,
    execute: ({ q }) => `found ${q}`,
  })
  const governed = governedTool(search, { wallet, ...intent, scope: () => "bench" })
  const callOf = (used: FunctionTool<unknown, typeof parameters>, turn: number) => {
    const call = functionCall("search", { q: "cats" }, { callId: `call ${turn}` })
    const model = new ScriptedModel([[call], [assistantMessage("Done.")]])
    return run(new Agent({ name: "agent", model, tools: [used] }), "go")
  }
  await compare(turns, "a run with a governed tool", {
    "the bare run and three SQLite commits": async (turn) => {
      await callOf(search, turn)
      for (let commit = 0; commit < 3; commit++) bare.commit()
    },
    "the bare run, ask and govern": async (turn) => {
      await callOf(search, turn)
      const call = { tool: "search", args: { q: "cats" }, key: `beside ${turn}`, ...intent }
      await wallet.ask(call)
      await wallet.govern(call, () => "found cats")
    },
    "a run with a governed tool": (turn) => callOf(governed as typeof search, turn),
  })
  bare.close()
  await wallet.close()
}
