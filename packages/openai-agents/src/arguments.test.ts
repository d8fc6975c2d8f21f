import assert from "node:assert/strict"
import { Agent, RunState, run } from "@openai/agents"
import { assistantMessage, ScriptedModel } from "@openai/agents/testing"
import { describe, test } from "vitest"
import { z } from "zod"
import { type AnyTool, outputsOf } from "../test/agent-app.ts"
import { agentOf, buyOf, call, parameters, stage, terms, textsOf } from "../test/stage.ts"
import { decisionOf, governedTool, pendingDecisions } from "./index.ts"

const done = (text = "Done.") => [assistantMessage(text)]
const resumed = async (agent: Agent, saved: string) => run(agent, await RunState.fromString(agent, saved))
const resuming = (buy: AnyTool) =>
  new Agent({ name: "agent", tools: [buy], model: new ScriptedModel([done()]) })

describe("Arguments that are changed on the way to a tool", () => {
  test.each(["wrapped", "made"])("are decided anew, or not run: %s", async (form) => {
    const set = await stage()
    const bare = buyOf(set)
    const made = { name: "buy", description: "buys", parameters, ...terms(set) }
    const execute = ({ price }: { price: number }) => {
      set.ran.push(price)
      return `bought for ${price}`
    }
    const governed =
      form === "made" ? (governedTool({ ...made, execute }) as AnyTool) : governedTool(bare, terms(set))
    const { invoke } = governed
    governed.invoke = (context, text, details) => invoke(context, text.replace("5", "49"), details)
    const end = await run(agentOf([governed], [call(5)]), "go")
    assert.deepEqual(set.ran, [])
    assert.match(String(textsOf(end)[0]), /decided before with other arguments/)
  })

  test("that a schema refuses since it was deployed end what was asked for them", async () => {
    for (const isApproved of [false, true]) {
      const set = await stage()
      const paused = await run(agentOf([governedTool(buyOf(set), terms(set))], [call(30)]), "go")
      if (isApproved) await set.desk.approve(pendingDecisions(paused)[0]?.id as string)
      const changed = buyOf(set, { parameters: z.object({ cents: z.number() }) })
      const end = await resumed(resuming(governedTool(changed, terms(set) as never)), paused.state.toString())
      assert.match(String(textsOf(end)[0]), /^An error occurred/)
      assert.equal(decisionOf(outputsOf(end)[0])?.status, "rejected")
      assert.equal((await set.wallet.balance()).limits[0]?.held, "0.00")
    }
  })
})

describe("A schema that makes other arguments of the same text each time", () => {
  const counting = () => {
    let parsed = 0
    return z.object({ price: z.number(), fee: z.number().default(() => ++parsed) })
  }

  test("decides what runs, where the tool is made under terms", async () => {
    const set = await stage()
    const made = governedTool({
      name: "buy",
      description: "buys",
      parameters: counting(),
      execute: (args) => JSON.stringify(args),
      ...terms(set),
      amount: ({ fee }) => fee,
    })
    const end = await run(agentOf([made as AnyTool], [call(5)]), "go")
    const { fee } = JSON.parse(String(textsOf(end)[0])) as { fee: number }
    assert.equal(Number(decisionOf(outputsOf(end)[0])?.execution.settled), fee)
  })

  test.each([
    ["bigints", (n: number) => BigInt(n)],
    ["maps", (n: number) => new Map([["c", n]])],
    ["rings", (n: number) => Object.assign([n], { self: [n] })],
  ])("runs nothing where they differ in %s", async (_, make) => {
    const set = await stage()
    let parsed = 0
    const counting = z.object({ price: z.preprocess(() => make(++parsed), z.any()) })
    const bare = buyOf(set, { parameters: counting })
    await run(agentOf([governedTool(bare, { ...terms(set), amount: 1 } as never)], [call(5)]), "go").catch(
      String,
    )
    assert(parsed > 1)
    assert.deepEqual(set.ran, [])
  })

  test("runs nothing that was refused once and would be taken the next time", async () => {
    const set = await stage()
    let parsed = 0
    const fickle = z.object({ price: z.number().refine(() => ++parsed > 1) })
    const governed = governedTool(buyOf(set, { parameters: fickle }), terms(set) as never)
    const end = await run(agentOf([governed], [call(5)]), "go")
    assert.match(String(textsOf(end)[0]), /^An error occurred/)
    assert(parsed > 1)
    assert.deepEqual(set.ran, [])
  })

  test("runs nothing where the tool makes others than were decided, and charges nothing", async () => {
    const set = await stage()
    const bare = buyOf(set, { parameters: counting() })
    const end = await run(agentOf([governedTool(bare, terms(set) as never)], [call(5)]), "go").catch(String)
    assert.deepEqual(set.ran, [])
    assert.match(String(end), /other arguments of the same text/)
    const fatal = buyOf(set, { parameters: counting(), errorFunction: null })
    await run(agentOf([governedTool(fatal, terms(set) as never)], [call(5, "c2")]), "go").catch(String)
    assert.deepEqual(set.ran, [])
    assert.equal((await set.wallet.balance()).limits[0]?.held, "0.00")
  })
})

describe("Numbers that no JSON can hold", () => {
  test("are asked for by nobody, and hold nothing", async () => {
    const set = await stage()
    const parameters = {
      type: "object" as const,
      properties: { price: { type: "number" }, qty: { type: "number" } },
      required: ["price", "qty"],
      additionalProperties: true as const,
    }
    const bare = buyOf(set, { parameters, strict: false })
    const asked = { ...call(30), arguments: '{"price":30,"qty":1e999}' }
    const end = await run(agentOf([governedTool(bare, terms(set) as never)], [asked]), "go")
    assert.match(String(textsOf(end)[0]), /^Not run, nothing charged/)
    assert.deepEqual([set.ran, (await set.desk.pending()).length], [[], 0])
    assert.equal((await set.wallet.balance()).limits[0]?.held, "0.00")
  })
})

describe("Arguments that a schema refuses", () => {
  test("end nothing that waits under the same weak id with others", async () => {
    const set = await stage()
    const governed = governedTool(buyOf(set), terms(set))
    await run(agentOf([governed], [call(30)]), "go")
    const end = await run(agentOf([governed], [call("a lot")]), "go")
    assert.equal(decisionOf(outputsOf(end)[0]), undefined)
    assert.equal((await set.desk.pending()).length, 1)
  })
})
