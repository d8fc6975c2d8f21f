import assert from "node:assert/strict"
import { RunState, run, tool } from "@openai/agents"
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing"
import { describe, test } from "vitest"
import { z } from "zod"
import { type AnyTool, outputsOf } from "../test/agent-app.ts"
import { agentOf, buyOf, call, stage, terms, textsOf } from "../test/stage.ts"
import { decisionOf, decisionsOf, governedTool, pendingDecisions } from "./index.ts"

const longId = "call_Ab3dEf6hIj9kLm2nOp5q"

describe("A paused run", () => {
  test("tells which decisions it waits for, and each result carries its own", async () => {
    const set = await stage()
    const agent = agentOf([governedTool(buyOf(set), terms(set))], [call(5), call(30, "c2"), call(60, "c3")])
    const paused = await run(agent, "go")
    const pending = pendingDecisions(paused)
    assert.deepEqual(
      pending.map(({ amount, status, run }) => [amount, status, run]),
      [["30.00", "queued", { agent: "agent", thread: "t", call: "c2", tool: "buy" }]],
    )
    await set.desk.approve(pending[0]?.id as string)
    const done = await run(agent, await RunState.fromString(agent, paused.state.toString()))
    assert.deepEqual(pendingDecisions(done), [])
    const seen = decisionsOf(done).map(({ run, status, execution }) => [run.call, status, execution.state])
    assert.deepEqual(seen, [
      ["c1", "approved", "settled"],
      ["c3", "rejected", "idle"],
      ["c2", "approved", "settled"],
    ])
    assert.deepEqual(set.ran, [5, 30])
  })

  test("puts on record what shows a call, and its decision carries that", async () => {
    const set = await stage()
    const evidence = (bought: unknown) => ({ kind: "receipt", note: String(bought) })
    const agent = agentOf([governedTool(buyOf(set), { ...terms(set), evidence })], [call(5)])
    const [decision] = decisionsOf(await run(agent, "go"))
    assert.deepEqual(
      decision?.evidence?.map(({ kind }) => kind),
      ["receipt"],
    )
  })

  test("pauses again for whoever resumes it too early, and asks no model", async () => {
    const set = await stage()
    const agent = agentOf([governedTool(buyOf(set), terms(set))], [call(30)])
    const paused = await run(agent, "go")
    const again = await run(agent, await RunState.fromString(agent, paused.state.toString()))
    assert.deepEqual(
      pendingDecisions(again).map(({ id }) => id),
      pendingDecisions(paused).map(({ id }) => id),
    )
    assert.equal((agent.model as ScriptedModel).calls.length, 1)
  })

  test("resumes in the process that kept the state itself", async () => {
    const set = await stage()
    const agent = agentOf([governedTool(buyOf(set), terms(set))], [call(30)])
    const paused = await run(agent, "go")
    await set.desk.approve(pendingDecisions(paused)[0]?.id as string)
    const done = await run(agent, paused.state)
    assert.deepEqual(textsOf(done), ["bought for 30"])
    assert.deepEqual(set.ran, [30])
  })

  test("is answered with the record, however often the same state is resumed", async () => {
    const set = await stage()
    const agent = () => agentOf([governedTool(buyOf(set), terms(set))], [call(30)])
    const paused = await run(agent(), "go")
    const saved = paused.state.toString()
    await set.desk.approve(pendingDecisions(paused)[0]?.id as string)
    for (let round = 0; round < 3; round++) {
      const resuming = agentOf([governedTool(buyOf(set), terms(set))], [])
      Object.assign(resuming, { model: new ScriptedModel([[assistantMessage("Done.")]]) })
      const done = await run(resuming, await RunState.fromString(resuming, saved))
      assert.deepEqual(textsOf(done), ["bought for 30"])
      assert.equal(decisionOf(outputsOf(done)[0])?.replayed, round === 0 ? undefined : true)
    }
    assert.deepEqual(set.ran, [30])
  })

  test("survives a change of the tool's schema, its terms and its description", async () => {
    const set = await stage()
    const before = agentOf([governedTool(buyOf(set), terms(set))], [call(30)])
    const paused = await run(before, "go")
    await set.desk.approve(pendingDecisions(paused)[0]?.id as string)
    const grown = tool({
      name: "buy",
      description: "buys, and more",
      parameters: z.object({ price: z.number(), quantity: z.number().default(3) }),
      execute: (args) => {
        set.ran.push(args)
        return JSON.stringify(args)
      },
    }) as AnyTool
    const after = agentOf([governedTool(grown, { ...terms(set), amount: 45, to: "another" })], [])
    Object.assign(after, { model: new ScriptedModel([[assistantMessage("Done.")]]) })
    const done = await run(after, await RunState.fromString(after, paused.state.toString()))
    assert.deepEqual(textsOf(done), ['{"price":30,"quantity":3}'])
    assert.equal(decisionOf(outputsOf(done)[0])?.execution.settled, "30.00", "what was approved stands")
  })
})

describe("What the SDK has approved by itself", () => {
  test("runs nothing, and the saved state still waits for the reviewer", async () => {
    const set = await stage()
    const agent = agentOf([governedTool(buyOf(set), terms(set))], [call(30)])
    const paused = await run(agent, "go")
    const saved = paused.state.toString()
    const state = await RunState.fromString(agent, saved)
    for (const item of state.getInterruptions()) state.approve(item)
    const refused = await run(agent, state)
    assert.match(String(textsOf(refused)[0]), /^Not run: a person must approve this/)
    assert.equal(decisionOf(outputsOf(refused)[0])?.status, "queued")
    await set.desk.approve((await set.desk.pending())[0]?.id as string)
    const later = agentOf([governedTool(buyOf(set), terms(set))], [])
    Object.assign(later, { model: new ScriptedModel([[assistantMessage("Done.")]]) })
    assert.deepEqual(textsOf(await run(later, await RunState.fromString(later, saved))), ["bought for 30"])
  })

  test("for always is asked again each time: what cannot wait any more is refused, and holds nothing", async () => {
    const set = await stage()
    const agent = agentOf([governedTool(buyOf(set), terms(set))], [])
    Object.assign(agent, {
      model: new ScriptedModel([[call(21)], [call(4, "c2"), call(22, "c3")], [assistantMessage("Done.")]]),
    })
    const paused = await run(agent, "go")
    await set.desk.approve(pendingDecisions(paused)[0]?.id as string)
    for (const item of paused.interruptions) paused.state.approve(item, { alwaysApprove: true })
    const done = await run(agent, paused.state)
    const [first, second, third] = textsOf(done)
    assert.deepEqual([first, second], ["bought for 21", "bought for 4"])
    assert.match(String(third), /^Not run, nothing charged: .*alwaysApprove/)
    assert.equal(decisionOf(outputsOf(done)[2])?.approval?.state, "canceled")
    assert.deepEqual(set.ran, [21, 4])
    assert.deepEqual(await set.desk.pending(), [])
  })

  test("or rejected is the SDK's own answer, which carries no decision: the wallet's still waits", async () => {
    const set = await stage()
    const agent = agentOf([governedTool(buyOf(set), terms(set))], [call(30)])
    const paused = await run(agent, "go")
    for (const item of paused.interruptions) paused.state.reject(item)
    const done = await run(agent, paused.state)
    assert.deepEqual(textsOf(done), ["Tool execution was not approved."])
    assert.equal(decisionOf(outputsOf(done)[0]), undefined)
    const [queued] = await set.desk.pending()
    await set.desk.approve(queued?.id as string)
    assert.deepEqual(set.ran, [])
  })
})

describe("Arguments", () => {
  test("that are no JSON pause the run in the SDK's own way, with no decision, and an approval runs nothing", async () => {
    const set = await stage()
    const broken = { ...call(1), arguments: '{"price":' }
    const agent = agentOf([governedTool(buyOf(set), terms(set))], [broken])
    const paused = await run(agent, "go")
    assert.equal(paused.interruptions.length, 1)
    assert.deepEqual(pendingDecisions(paused), [])
    for (const item of paused.interruptions) paused.state.approve(item)
    const done = await run(agent, paused.state)
    assert.match(String(textsOf(done)[0]), /error occurred while parsing tool arguments/)
    assert.equal(decisionOf(outputsOf(done)[0]), undefined)
    assert.deepEqual(set.ran, [])
  })

  test("reach the terms as the tool's own schema makes them", async () => {
    const set = await stage()
    const seen: unknown[] = []
    const shop = tool({
      name: "buy",
      description: "buys",
      parameters: z.object({ price: z.coerce.number(), note: z.string().trim().default("none") }),
      execute: (args) => JSON.stringify(args),
    })
    const governed = governedTool(shop, {
      ...terms(set),
      amount: (args) => {
        seen.push(args)
        return args.price
      },
      purpose: ({ note }) => note,
    })
    const agent = agentOf(
      [governed as AnyTool],
      [functionCall("buy", { price: "7", note: " x " }, { callId: "c1" })],
    )
    const done = await run(agent, "go")
    assert.deepEqual(seen, [{ price: 7, note: "x" }])
    assert.equal(decisionOf(outputsOf(done)[0])?.purpose, "x")
    assert.deepEqual(textsOf(done), ['{"price":7,"note":"x"}'])
  })

  test("of a tool that is made by hand are the JSON as it is, and its failures are settled", async () => {
    const set = await stage()
    const made = {
      ...buyOf(set),
      invoke: async (_: unknown, text: string) => {
        set.ran.push(text)
        return `handmade ${text}`
      },
    } as AnyTool
    const done = await run(agentOf([governedTool(made, terms(set))], [call(5)]), "go")
    assert.deepEqual(textsOf(done), ['handmade {"price":5}'])
    assert.equal(decisionOf(outputsOf(done)[0])?.execution.settled, "5.00")
  })
})

describe("A call without a name of its own", () => {
  test("is refused where another conversation may have its id, and the text says how to name it", async () => {
    const set = await stage()
    const { scope: _, ...unscoped } = terms(set)
    const done = await run(agentOf([governedTool(buyOf(set), unscoped)], [call(5, "call_0")]), "go")
    assert.match(
      String(textsOf(done)[0]),
      /^Not run, nothing charged: The model's id of a call of buy is "call_0": another conversation may have the same/,
    )
    const { customData } = outputsOf(done)[0] as {
      customData?: { nornrError?: { code: string; remedy: string } }
    }
    assert.equal(customData?.nornrError?.code, "invalid_intent")
    assert.match(customData?.nornrError?.remedy ?? "", /scope: \(context\) => context\.conversation/)
    assert.deepEqual(set.ran, [])
  })

  test("is known by its id where that is random, as OpenAI's are", async () => {
    const set = await stage()
    const { scope: _, ...unscoped } = terms(set)
    const tools = () => [governedTool(buyOf(set), unscoped)]
    for (let round = 0; round < 2; round++) await run(agentOf(tools(), [call(5, longId)]), "go")
    assert.deepEqual(set.ran, [5])
  })

  test.each([
    "call_0000000000000001",
    "generateMarketingReport",
    "call_aaaaaaaaaaaaaaaa1",
    "call_Ab3dEf6h",
    "1234567890123456",
  ])("is refused where its id is a word or a count: %s", async (id) => {
    const set = await stage()
    const { scope: _, ...unscoped } = terms(set)
    await run(agentOf([governedTool(buyOf(set), unscoped)], [call(5, id)]), "go")
    assert.deepEqual(set.ran, [])
  })

  test("is refused where the context gives its scope no text", async () => {
    const set = await stage()
    const scope = ({ conversation }: { conversation: string }) => conversation
    const governed = governedTool(buyOf(set), { ...terms(set), scope })
    const done = await run(agentOf([governed], [call(5, longId)]), "go", { context: {} })
    assert.match(String(textsOf(done)[0]), /^Not run, nothing charged: The scope of buy gave undefined/)
  })
})
