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
