import assert from "node:assert/strict"
import { AIMessage, RemoveMessage, ToolMessage } from "@langchain/core/messages"
import { Command, Send } from "@langchain/langgraph"
import { describe, test } from "vitest"
import { siteOf } from "./graph/site.ts"
import { codecIn } from "./recorded.ts"

class Document {
  readonly pageContent = "text"
  readonly metadata = { page: 1 }
}

const inGraph = siteOf({ configurable: { __pregel_task_id: "task" } })
const roundTrip = async (value: unknown, site = inGraph) => {
  const codec = await codecIn(site)
  return codec.decode(JSON.parse(JSON.stringify(codec.encode(value))))
}

describe("A recorded result", () => {
  test.each([
    ["text"],
    [undefined],
    [null],
    [0],
    [{ a: [1, undefined, { b: null }] }],
    [new Date(0)],
    [new Map([["a", new Set([1])]])],
    [new Uint8Array([1, 2])],
    [10n],
    [Number.NaN],
    [["content", { file: "a.pdf" }]],
    [{ __proto__: null, a: 1 }],
  ])("gives %o back as it was", async (value) => {
    assert.deepEqual(await roundTrip(value), value)
  })

  test("gives messages back with all that they hold", async () => {
    const message = new ToolMessage({
      ...{ content: "c", tool_call_id: "c1", name: "n", id: "m1", status: "error" },
      ...{ artifact: { at: new Date(1) }, metadata: { a: 1 }, response_metadata: { b: 2 } },
    })
    const back = (await roundTrip(message)) as ToolMessage
    assert(ToolMessage.isInstance(back))
    assert.deepEqual(back.toDict(), message.toDict())
    const asking = new AIMessage({
      id: "m2",
      content: "",
      tool_calls: [{ type: "tool_call", id: "c1", name: "n", args: { a: 1 } }],
    })
    assert.deepEqual(((await roundTrip(asking)) as AIMessage).tool_calls, asking.tool_calls)
    assert((await roundTrip(new RemoveMessage({ id: "m3" }))) instanceof RemoveMessage)
  })

  test("gives commands back as LangGraph's own, with what they send and update", async () => {
    const update = { messages: [new ToolMessage({ content: "c", tool_call_id: "c1" })], n: 1 }
    const command = new Command({
      goto: [new Send("node", { at: new Date(2) }), "end"],
      update,
      graph: Command.PARENT,
    })
    const back = (await roundTrip(command)) as Command
    assert(back instanceof Command)
    assert.equal(back.graph, Command.PARENT)
    assert((back.goto as unknown[])[0] instanceof Send)
    assert.deepEqual(((back.goto as Send[])[0] as Send).args, { at: new Date(2) })
    assert(ToolMessage.isInstance((back.update as typeof update).messages[0]))
  })

  test("gives instances of other classes as the JSON that they make, as a checkpointer does", async () => {
    assert.deepEqual(await roundTrip(["text", [new Document()]]), [
      "text",
      [{ pageContent: "text", metadata: { page: 1 } }],
    ])
  })

  test("is none where there is a function in it", async () => {
    const codec = await codecIn(inGraph)
    assert.throws(() => codec.encode({ run() {} }))
  })
})
