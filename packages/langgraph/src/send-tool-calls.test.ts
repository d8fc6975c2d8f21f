import assert from "node:assert/strict"
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages"
import { Command, END, type Send } from "@langchain/langgraph"
import { testWallet } from "@nornr/core/testing"
import { describe, test } from "vitest"
import { sendToolCalls } from "./index.ts"
import { withDecision } from "./with-decision.ts"

const asking = new AIMessage({
  content: "",
  tool_calls: ["a", "b"].map((id) => ({ type: "tool_call" as const, id, name: "buy", args: {} })),
})
const answer = (id: string) => new ToolMessage({ content: "done", tool_call_id: id })
const sent = (messages: readonly unknown[]) => {
  const given = sendToolCalls("tools", "next")({ messages })
  return Array.isArray(given) ? given.map(({ args }: Send) => args.lg_tool_call.id) : given
}

describe("The router of tool calls", () => {
  test("sends each call that is not answered, and goes on when all are", () => {
    assert.deepEqual(sent([asking]), ["a", "b"])
    assert.deepEqual(sent([asking, answer("a")]), ["b"])
    assert.equal(sent([asking, answer("a"), answer("b")]), "next")
  })

  test("sends nothing that a later message has left behind", () => {
    assert.equal(sent([asking, new HumanMessage("Never mind."), new AIMessage("As you wish.")]), "next")
    assert.equal(sent([]), "next")
    assert.equal(sendToolCalls("tools")({ messages: [] }), END)
  })

  test("hands on the state, for tools that read it", () => {
    const [send] = sendToolCalls("tools")({ messages: [asking], customer: "ada" } as never) as Send[]
    assert.deepEqual([send?.node, send?.args.customer], ["tools", "ada"])
  })
})

describe("The decision of a node", () => {
  test("joins what the node gives, whatever that is", async () => {
    const { wallet } = await testWallet()
    const decision = await wallet.pay({ amount: 1, to: "vendor" })
    const decisions = { buy: decision }
    assert.deepEqual(withDecision(undefined, "buy", decision), { decisions })
    assert.deepEqual(withDecision({ n: 1, decisions: { other: decision } }, "buy", decision), {
      n: 1,
      decisions: { other: decision, ...decisions },
    })
    const command = new Command({ update: { n: 1 }, goto: "next" })
    const joined = withDecision(command, "buy", decision)
    assert(joined instanceof Command)
    assert.deepEqual([joined.update, joined.goto], [{ n: 1, decisions }, ["next"]])
    assert.deepEqual(command.update, { n: 1 })
    const tuples = withDecision(new Command({ update: [["n", 1]] as never }), "buy", decision)
    assert.deepEqual(tuples.update, [
      ["n", 1],
      ["decisions", decisions],
    ])
    assert.deepEqual(withDecision([command, { n: 2 }], "buy", decision), [command, { n: 2 }, { decisions }])
    assert.equal(withDecision("text", "buy", decision), "text")
  })
})
