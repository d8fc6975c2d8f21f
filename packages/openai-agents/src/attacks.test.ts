import assert from "node:assert/strict"
import { createRequire } from "node:module"
import {
  Agent,
  ToolGuardrailFunctionOutputFactory as answer,
  RunContext,
  RunState,
  run,
  tool,
} from "@openai/agents"
import { assistantMessage, ScriptedModel } from "@openai/agents/testing"
import { describe, test } from "vitest"
import { z } from "zod"
import { type AnyTool, outputsOf } from "../test/agent-app.ts"
import { agentOf, buyOf, call, parameters, stage, terms, textsOf } from "../test/stage.ts"
import { decisionOf, decisionsOf, governedTool, pendingDecisions } from "./index.ts"

const done = (text = "Done.") => [assistantMessage(text)]
const resumed = async (agent: Agent, saved: string) => run(agent, await RunState.fromString(agent, saved))
const resuming = (buy: AnyTool) =>
  new Agent({ name: "agent", tools: [buy], model: new ScriptedModel([done()]) })

describe("A tool of another copy of the SDK", () => {
  test("is asked for before it runs, and runs once: it would not stop where this copy's tools are parsed", async () => {
    const set = await stage()
    const other = createRequire(import.meta.url)("@openai/agents") as {
      tool: typeof tool
      RunContext: typeof RunContext
    }
    assert.notEqual(other.tool, tool)
    const foreign = other.tool({
      name: "buy",
      description: "buys",
      parameters,
      execute: ({ price }) => {
        set.ran.push(price)
        return `bought for ${price}`
      },
    }) as AnyTool
    const governed = governedTool(foreign, terms(set))
    const paused = await run(agentOf([governed], [call(60), call(5, "c2"), call(21, "c3")]), "go")
    assert.deepEqual(set.ran, [5])
    assert.deepEqual(
      pendingDecisions(paused).map(({ amount }) => amount),
      ["21.00"],
    )
    assert.equal(await governed.invoke(new RunContext({}), '{"price":6}'), "bought for 6")
    assert.deepEqual(set.ran, [5, 6])
  })
})

describe("A call inside a paid tool", () => {
  test("is a spend of its own, though agent, id and arguments are those of the call around it", async () => {
    const set = await stage()
    let depth = 0
    const deep: AnyTool = governedTool(
      buyOf(set, {
        execute: async () => {
          if (++depth < 5) await run(agentOf([deep], [call(20)]), "again")
          return "bought"
        },
      }),
      terms(set),
    )
    await run(agentOf([deep], [call(20)]), "go")
    const [daily] = (await set.wallet.balance()).limits
    assert.deepEqual([depth, daily?.settled], [2, "40.00"])
  })
})

describe("A tool that hands its details on", () => {
  test("to another tool has paid once, and is settled", async () => {
    const set = await stage()
    const lookup = tool({
      name: "lookup",
      description: "looks up",
      parameters: z.object({ id: z.string() }),
      execute: ({ id }) => `found ${id}`,
    }) as AnyTool
    const execute = async ({ price }: { price: number }, context: RunContext<unknown>, details: never) => {
      set.ran.push(price)
      return `bought for ${price}, ${await lookup.invoke(context, '{"id":"7"}', details)}`
    }
    const end = await run(agentOf([governedTool(buyOf(set, { execute }), terms(set))], [call(20)]), "go")
    assert.deepEqual(textsOf(end), ["bought for 20, found 7"])
    assert.equal(decisionOf(outputsOf(end)[0])?.execution.settled, "20.00")
  })

  test("to an agent that is a tool hands on all that the SDK keeps there", async () => {
    const set = await stage()
    const helper = new Agent({ name: "helper", model: new ScriptedModel([done("helped")]) })
    const ask = helper.asTool({ toolName: "ask", toolDescription: "asks" }) as AnyTool
    const execute = (_: unknown, context: RunContext<unknown>, details: never) =>
      ask.invoke(context, '{"input":"x"}', details)
    const seen = async (buy: AnyTool) => {
      Object.assign(helper, { model: new ScriptedModel([done("helped")]) })
      const end = await run(agentOf([buy], [call(5)]), "go")
      return [textsOf(end), end.state.usage.requests]
    }
    const bare = await seen(buyOf(set, { execute }))
    assert.deepEqual(await seen(governedTool(buyOf(set, { execute }), terms(set))), bare)
  })
})

describe("A made tool that code calls itself", () => {
  test("parses its arguments once, and reads a refusal as an error", async () => {
    const set = await stage()
    const parameters = z.object({ price: z.number().overwrite((price) => price + 1) })
    const made = governedTool({
      name: "buy",
      description: "buys",
      parameters,
      execute: ({ price }) => `bought for ${price}`,
      ...terms(set),
    })
    assert.equal(await made.invoke(new RunContext({}), '{"price":5}'), "bought for 6")
    await assert.rejects(made.invoke(new RunContext({}), '{"price":60}'), { code: "not_approved" })
    assert.match(String(await made.invoke(new RunContext({}), '{"price":"x"}')), /^An error occurred/)
    assert.equal((await set.wallet.balance()).limits[0]?.settled, "6.00")
  })
})

describe("What the user's own extractor does", () => {
  test("frees nothing less where it throws, and is refused in the SDK's words where it gives no record", async () => {
    const set = await stage()
    const inputGuardrails = [{ name: "in", run: async () => answer.rejectContent("not now") }]
    const customDataExtractor = () => {
      throw new Error("no data")
    }
    const throwing = governedTool(buyOf(set, { inputGuardrails, customDataExtractor }), terms(set))
    await assert.rejects(run(agentOf([throwing], [call(5)]), "go"), /no data/)
    assert.equal((await set.wallet.balance()).limits[0]?.held, "0.00")
    const listing = buyOf(set, { customDataExtractor: () => [1] })
    const said = (buy: AnyTool) => run(agentOf([buy], [call(6, "c2")]), "go").then(() => "ended", String)
    assert.equal(await said(governedTool(listing, terms(set))), await said(listing))
  })
})

describe("Two runs at once", () => {
  test("that resume one approved call: what refuses it in one does not end it for the other", async () => {
    const set = await stage()
    const paused = await run(agentOf([governedTool(buyOf(set), terms(set))], [call(30)]), "go")
    await set.desk.approve(pendingDecisions(paused)[0]?.id as string)
    const guardrail = (run: () => Promise<ReturnType<typeof answer.allow>>) =>
      governedTool(buyOf(set, { inputGuardrails: [{ name: "in", run }] }), terms(set))
    const { promise, resolve } = Promise.withResolvers<void>()
    const slow = resumed(
      resuming(guardrail(() => promise.then(() => answer.allow()))),
      paused.state.toString(),
    )
    const refusing = guardrail(async () => answer.rejectContent("rate limited"))
    assert.deepEqual(textsOf(await resumed(resuming(refusing), paused.state.toString())), ["rate limited"])
    resolve()
    assert.deepEqual(textsOf(await slow), ["bought for 30"])
  })

  test("that resume one state in one context each carry the decision", async () => {
    const set = await stage()
    const governed = governedTool(buyOf(set), terms(set))
    const paused = await run(agentOf([governed], [call(30)]), "go")
    const saved = paused.state.toString()
    await set.desk.approve(pendingDecisions(paused)[0]?.id as string)
    const context = new RunContext({ shared: true })
    const both = [1, 2].map(async () => {
      const agent = resuming(governed)
      return run(
        agent,
        await RunState.fromStringWithContext(agent, saved, context, { contextStrategy: "replace" }),
      )
    })
    for (const end of await Promise.all(both)) {
      assert.equal(decisionOf(outputsOf(end)[0])?.execution.settled, "30.00")
    }
    assert.deepEqual(set.ran, [30])
  })

  test("that share a context and their ids carry no decision of the other", async () => {
    const set = await stage()
    const context = {}
    const buy = governedTool(buyOf(set), terms(set))
    const runs = [5, 6].map((price) => run(agentOf([buy], [call(price)]), "go", { context }))
    const ends = await Promise.all(runs)
    assert.equal(set.ran.length, 1)
    for (const end of ends) {
      const [decision] = decisionsOf(end)
      const isRefused = String(textsOf(end)[0]).startsWith("Not run")
      assert.equal(decision === undefined, isRefused)
      if (decision !== undefined) assert.equal(Number(decision.execution.settled), set.ran[0])
    }
  })
})

describe("A run that is aborted", () => {
  test("between the decision and the claim holds nothing, and ends as the SDK ends it", async () => {
    const set = await stage()
    const stop = new AbortController()
    let asked = 0
    const wallet = () => {
      if (++asked === 2) stop.abort() // it is asked for the decision first, then for the claim
      return set.wallet
    }
    const agent = agentOf([governedTool(buyOf(set), { ...terms(set), wallet })], [call(5)])
    const said = await run(agent, "go", { signal: stop.signal }).then(() => "ended", String)
    assert.doesNotMatch(said, /Nornr/)
    assert.deepEqual(set.ran, [])
    assert.equal((await set.wallet.balance()).limits[0]?.held, "0.00")
  })
})

describe("What a run was given and leaves", () => {
  test("is freed where the tool's own needsApproval throws", async () => {
    const set = await stage()
    const needsApproval = async () => {
      throw new Error("the policy is broken")
    }
    const agent = agentOf([governedTool(buyOf(set, { needsApproval }), terms(set))], [call(5)])
    await assert.rejects(run(agent, "go"), /the policy is broken/)
    assert.equal((await set.wallet.balance()).limits[0]?.held, "0.00")
  })

  test("is left alone where the tool's own approval was waited for: the state may be kept elsewhere", async () => {
    const set = await stage()
    let isBusy = true
    const decide = async () => (isBusy ? answer.rejectContent("rate limited") : answer.allow())
    const own = { needsApproval: async () => true, inputGuardrails: [{ name: "in", run: decide }] }
    const governed = governedTool(buyOf(set, own), terms(set))
    const agent = agentOf([governed], [call(5)])
    const paused = await run(agent, "go")
    for (const item of paused.interruptions) paused.state.approve(item)
    const saved = paused.state.toString()
    assert.deepEqual(textsOf(await run(agent, paused.state)), ["rate limited"])
    isBusy = false
    assert.deepEqual(textsOf(await resumed(resuming(governed), saved)), ["bought for 5"])
  })

  test("is left alone where a person has approved it: the state may be kept elsewhere", async () => {
    const set = await stage()
    let isBusy = true
    const decide = async () => (isBusy ? answer.rejectContent("rate limited") : answer.allow())
    const governed = governedTool(buyOf(set, { inputGuardrails: [{ name: "in", run: decide }] }), terms(set))
    const agent = agentOf([governed], [call(30)])
    const paused = await run(agent, "go")
    const saved = paused.state.toString()
    await set.desk.approve(pendingDecisions(paused)[0]?.id as string)
    assert.deepEqual(textsOf(await run(agent, paused.state)), ["rate limited"])
    isBusy = false
    assert.deepEqual(textsOf(await resumed(resuming(governed), saved)), ["bought for 30"])
  })
})

describe("The tool's own invoke", () => {
  test("is given to nobody who only calls himself what the SDK calls its function", async () => {
    const set = await stage()
    const governed = governedTool(buyOf(set), terms(set))
    const getMcpToolBinding = () => governed.invoke(new RunContext({}), '{"price":60}')
    await assert.rejects(getMcpToolBinding(), { code: "not_approved" })
    assert.deepEqual(set.ran, [])
  })

  test("leaves nothing changed where it was looked up", async () => {
    const before = [Error.stackTraceLimit, Error.prepareStackTrace]
    const set = await stage()
    await run(agentOf([governedTool(buyOf(set), terms(set))], [call(5)]), "go")
    assert.deepEqual([Error.stackTraceLimit, Error.prepareStackTrace], before)
    assert.match(new Error("as text").stack ?? "", /as text/)
  })

  test("may be replaced, as instruments do, and stays governed", async () => {
    const set = await stage()
    const governed = governedTool(buyOf(set), terms(set))
    const { invoke } = governed
    const seen: unknown[] = []
    governed.invoke = async (...given) => {
      seen.push(given[1])
      return invoke(...given)
    }
    const end = await run(agentOf([governed], [call(5), call(60, "c2")]), "go")
    assert.equal(seen.length, 1)
    assert.deepEqual([textsOf(end)[0], set.ran], ["bought for 5", [5]])
  })
})

describe("What is wrong is refused where it is given", () => {
  test.each([
    [
      "a term that is misspelt",
      { onErorr: "release" },
      /buy\.onErorr is no option of tool\(\), and no term.*Terms are: wallet, scope/,
    ],
    ["a scope that is text", { scope: "t" }, /scope is "t"\. Pass a function/],
  ])("%s", async (_, more, message) => {
    const set = await stage()
    const made = { name: "buy", description: "buys", parameters, execute: () => "x", ...terms(set) }
    assert.throws(() => governedTool({ ...made, ...more } as never), message)
  })

  test("a rule for failures that are hidden, a tool under terms twice, a promise, an agent", async () => {
    const set = await stage()
    const bare = buyOf(set)
    const own = terms(set)
    assert.throws(
      () => governedTool(bare, { ...own, onError: "release" } as never),
      /buy\.onError is given to a tool whose failures/,
    )
    assert.throws(() => governedTool(bare, { ...own, scope: "t" } as never), /scope is "t"/)
    assert.throws(() => governedTool({ ...governedTool(bare, own) }, own), /"buy" is under terms already/)
    assert.throws(() => governedTool(Promise.resolve(bare) as never, own), /is a promise\. Await it/)
    assert.throws(() => governedTool(new Agent({ name: "a" }) as never, own), /The tool "a" is an agent/)
    assert.throws(() => governedTool({ name: "buy", execute: () => 1 } as never, own), /"buy" is no tool yet/)
    assert.throws(() => governedTool(bare, undefined as never), /buy\.amount is undefined/)
  })

  test("a scope that throws, in words that name the tool", async () => {
    const set = await stage()
    const scope = ({ user }: { user: { id: string } }) => user.id
    const end = await run(agentOf([governedTool(buyOf(set), { ...terms(set), scope })], [call(5)]), "go", {
      context: {},
    })
    assert.match(
      String(textsOf(end)[0]),
      /^Not run, nothing charged: The scope of buy threw: TypeError.*scope: \(context\)/,
    )
  })
})
