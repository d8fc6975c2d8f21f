import assert from "node:assert/strict"
import { AIMessage } from "@langchain/core/messages"
import { Annotation, END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph"
import { ToolNode } from "@langchain/langgraph/prebuilt"
import { testWallet } from "@nornr/core/testing"
import { tool } from "langchain"
import { describe, test } from "vitest"
import { z } from "zod"
import { ScriptModel } from "../../langchain/test/script-model.ts"
import { at } from "../test/stage.ts"
import {
  decisionsOf,
  governedTool,
  pendingDecisions,
  resumeCommand,
  sendToolCalls,
  type Wallet,
} from "./index.ts"

const Team = Annotation.Root({ ...MessagesAnnotation.spec, turn: Annotation<number> })
type State = typeof Team.State

const order = ["researcher", "buyer"] as const

/** AutoGen's round robin. */
const inTurn = async ({ turn }: State): Promise<string> => order[turn % order.length] ?? ""

/** Two speakers and one executor. Each says one line of the script. */
function teamOf(wallet: Wallet, lines: readonly AIMessage[], ran: () => void, select = inTurn) {
  const schema = z.object({ price: z.number() })
  const buy = tool(
    async ({ price }) => {
      ran()
      return `paid ${price}`
    },
    { name: "buy", description: "buys", schema },
  )
  const speaker =
    (name: string) =>
    async ({ turn = 0 }: State) => ({
      messages: [Object.assign(lines[turn] ?? new AIMessage("TERMINATE"), { name })],
      turn: turn + 1,
    })
  const next = async (state: State) =>
    state.messages.at(-1)?.text === "TERMINATE" ? END : ((await select(state)) as (typeof order)[number])
  const toTools = sendToolCalls("executor", "next")
  return new StateGraph(Team)
    .addNode("researcher", speaker("researcher"))
    .addNode("buyer", speaker("buyer"))
    .addNode(
      "executor",
      new ToolNode([governedTool(buy, { wallet, amount: ({ price }) => price, to: "vendor" })]),
    )
    .addNode("next", async () => ({}))
    .addEdge(START, "researcher")
    .addConditionalEdges("researcher", toTools, ["executor", "next"])
    .addConditionalEdges("buyer", toTools, ["executor", "next"])
    .addEdge("executor", "next")
    .addConditionalEdges("next", next, ["researcher", "buyer", END])
    .compile({ checkpointer: new MemorySaver() })
}

const line = (id: string, ...prices: readonly number[]) => {
  const calls = prices.map((price, index) => ({
    type: "tool_call" as const,
    id: `call_${index}`,
    name: "buy",
    args: { price },
  }))
  return new AIMessage({ id, content: "", tool_calls: calls })
}

describe("A team of two speakers and one executor", () => {
  test("pays for what each of them asks, once, and the trail names who asked", async () => {
    const { wallet, desk } = await testWallet({ dailyLimit: 70, requireApprovalAbove: 25 })
    let runs = 0
    const team = teamOf(wallet, [line("m1", 16, 2), line("m2", 30), line("m3", 60)], () => runs++)
    const paused = await team.invoke({ messages: [] }, at("talk"))
    assert.equal(runs, 2)
    const [queued] = pendingDecisions(paused)
    assert.deepEqual([queued?.run.agent, queued?.amount], ["buyer", "30.00"])
    await desk.approve(queued as never)
    const command = await resumeCommand(team, at("talk"))
    assert(command !== undefined)
    const done = await team.invoke(command, at("talk"))
    assert.equal(runs, 3)
    const spoken = decisionsOf(done).map(({ run, amount, status }) => [run.agent, amount, status])
    assert.deepEqual(spoken, [
      ["researcher", "16.00", "approved"],
      ["researcher", "2.00", "approved"],
      ["buyer", "30.00", "approved"],
      ["researcher", "60.00", "rejected"],
    ])
    const asked = await Array.fromAsync(wallet.trail({ agent: "buyer" }))
    assert(asked.some(({ type, data }) => type === "decision.made" && data["amount"] === "30.00"))
  })

  test("may have a model select who speaks, and pays as before", async () => {
    const { wallet } = await testWallet({ dailyLimit: 70, requireApprovalAbove: 25 })
    let runs = 0
    const selector = new ScriptModel(
      (messages) => new AIMessage(messages.length > 3 ? "researcher" : "buyer"),
    )
    const select = async ({ messages }: State) => (await selector.invoke(messages)).text
    const team = teamOf(wallet, [line("m1", 1), line("m2", 2), line("m3", 3)], () => runs++, select)
    const done = await team.invoke({ messages: [] }, at("talk"))
    assert.equal(runs, 3)
    const spoken = decisionsOf(done).map(({ run, amount }) => [run.agent, amount])
    assert.deepEqual(spoken, [
      ["researcher", "1.00"],
      ["buyer", "2.00"],
      ["researcher", "3.00"],
    ])
  })

  test("holds each speaker to the speaker's own budget", async () => {
    const { wallet } = await testWallet({ limits: [{ amount: 20, per: "day", by: "agent" }] })
    const team = teamOf(wallet, [line("m1", 15), line("m2", 15), line("m3", 15)], () => undefined)
    const done = await team.invoke({ messages: [] }, at("talk"))
    const spoken = decisionsOf(done).map(({ run, status }) => [run.agent, status])
    assert.deepEqual(spoken, [
      ["researcher", "approved"],
      ["buyer", "approved"],
      ["researcher", "rejected"],
    ])
  })
})
