import assert from "node:assert/strict"
import { testWallet } from "@nornr/core/testing"
import {
  Agent,
  ToolGuardrailFunctionOutputFactory as answer,
  codeInterpreterTool,
  RunContext,
  Runner,
  RunState,
  run,
  tool,
  webSearchTool,
} from "@openai/agents"
import { describe, test } from "vitest"
import { z } from "zod"
import { type AnyTool, outputsOf } from "../test/agent-app.ts"
import { agentOf, buyOf, call, parameters, stage, terms, textsOf } from "../test/stage.ts"
import {
  currentSpend,
  decisionOf,
  decisionsOf,
  governedTool,
  governedTools,
  notCharged,
  pendingDecisions,
} from "./index.ts"

describe("A refusal", () => {
  test("reaches the model as text, and siblings go on", async () => {
    const set = await stage()
    const agent = agentOf([governedTool(buyOf(set), terms(set))], [call(60), call(5, "c2")])
    const done = await run(agent, "go")
    assert.match(String(textsOf(done)[0]), /^Not run, nothing charged\. Daily limit 50\.00 USD/)
    assert.equal(textsOf(done)[1], "bought for 5")
    const [info] = done.toolInputGuardrailResults.filter(
      ({ output }) => output.behavior.type === "rejectContent",
    )
    assert.equal(decisionOf(info?.output.outputInfo)?.status, "rejected")
  })

  test("is the final output of an agent that stops at its first tool", async () => {
    const set = await stage()
    const agent = agentOf([governedTool(buyOf(set), terms(set))], [call(60)], {
      toolUseBehavior: "stop_on_first_tool",
    })
    assert.match(String((await run(agent, "go")).finalOutput), /^Not run, nothing charged/)
  })

  test("says what the terms say where budgets are private", async () => {
    const set = await stage()
    const governed = governedTool(buyOf(set), { ...terms(set), refusal: () => "Not now." })
    assert.deepEqual(textsOf(await run(agentOf([governed], [call(60)]), "go")), ["Not now."])
  })

  test("of a tool with an output schema is what its errorFunction makes of it", async () => {
    const set = await stage()
    const structured = { outputSchema: z.object({ total: z.number() }), execute: () => ({ total: 1 }) }
    const errorFunction = (_: unknown, error: unknown) => ({
      total: (error as Error).message.length > 20 ? -1 : 0,
    })
    const governed = governedTool(buyOf(set, { ...structured, errorFunction }), terms(set))
    const done = await run(agentOf([governed], [call(60), call(5, "c2")]), "go")
    assert.deepEqual(textsOf(done), [{ total: -1 }, { total: 1 }])
    assert.equal(decisionOf(outputsOf(done)[0])?.status, "rejected")
  })

  test("of a tool with an output schema and no errorFunction ends the run, and says what to do", async () => {
    const set = await stage()
    const structured = { outputSchema: z.object({ total: z.number() }), execute: () => ({ total: 1 }) }
    const governed = governedTool(buyOf(set, structured), terms(set))
    await assert.rejects(run(agentOf([governed], [call(60)]), "go"), (error: Error & { error?: unknown }) => {
      assert.match(error.message, /buy: Not run, nothing charged\. Daily limit/)
      assert.equal(decisionOf(error.error)?.status, "rejected")
      assert.match((error.error as { remedy?: string }).remedy ?? "", /errorFunction/)
      return true
    })
  })

  test("comes from what changed after the decision, too: a frozen wallet claims nothing", async () => {
    const set = await stage()
    const freeze = {
      inputGuardrails: [
        {
          name: "later",
          run: async () => {
            await set.desk.freeze()
            return answer.allow()
          },
        },
      ],
    }
    const done = await run(agentOf([governedTool(buyOf(set, freeze), terms(set))], [call(5)]), "go")
    assert.match(String(textsOf(done)[0]), /^Not run, nothing charged\. The wallet is frozen/)
    assert.equal(decisionOf(outputsOf(done)[0])?.status, "rejected")
    assert.deepEqual(set.ran, [])
  })
})

describe("Other rules of the tool", () => {
  test("of its own approval hold beside the wallet's, and nothing waits where the wallet refuses", async () => {
    const set = await stage()
    const governed = governedTool(buyOf(set, { needsApproval: true }), terms(set))
    const agent = agentOf([governed], [call(5), call(60, "c2")])
    const paused = await run(agent, "go")
    assert.deepEqual(
      paused.interruptions.map(({ rawItem }) => (rawItem as { callId: string }).callId),
      ["c1"],
    )
    assert.deepEqual(pendingDecisions(paused), [], "the wallet has approved it: it is the SDK that waits")
    for (const item of paused.interruptions) paused.state.approve(item)
    await run(agent, paused.state)
    assert.deepEqual(set.ran, [5])
  })

  test("that refuse a call free what it held", async () => {
    const set = await stage()
    const guardrail = { inputGuardrails: [{ name: "in", run: async () => answer.rejectContent("not now") }] }
    const done = await run(agentOf([governedTool(buyOf(set, guardrail), terms(set))], [call(5)]), "go")
    assert.deepEqual(textsOf(done), ["not now"])
    assert.equal(decisionOf(outputsOf(done)[0])?.reasons[0]?.code, "canceled")
    assert.equal((await set.wallet.balance()).limits[0]?.held, "0.00")
  })

  test("are looked at before a pause, where the SDK is told so, and the call still waits", async () => {
    const set = await stage()
    const agent = agentOf([governedTool(buyOf(set), terms(set))], [call(30)])
    const runner = new Runner({ tracingDisabled: true, toolExecution: { preApprovalInputGuardrails: true } })
    const paused = await runner.run(agent, "go")
    await set.desk.approve(pendingDecisions(paused)[0]?.id as string)
    const done = await runner.run(agent, await RunState.fromString(agent, paused.state.toString()))
    assert.deepEqual(textsOf(done), ["bought for 30"])
  })

  test("of its time leave the decision as it stands: what goes on is settled when it ends", async () => {
    const set = await stage()
    const { promise, resolve } = Promise.withResolvers<string>()
    const slow = buyOf(set, { timeoutMs: 30, execute: () => promise })
    const done = await run(agentOf([governedTool(slow, terms(set))], [call(5)]), "go")
    assert.match(String(textsOf(done)[0]), /timed out after 30ms/)
    const [decision] = decisionsOf(done)
    assert.equal(decision?.execution.state, "running")
    resolve("late")
    await set.wallet.close()
    assert.equal((await set.desk.decision(decision?.id as string))?.execution.settled, "5.00")
  })
})

describe("A tool that is made under terms", () => {
  test("keeps the hold of a failure, or gives it back where its terms or it say so", async () => {
    for (const [onError, thrown, state] of [
      [undefined, new Error("lost"), "failed"],
      ["release", new Error("lost"), "released"],
      [undefined, notCharged(new Error("sold out")), "released"],
    ] as const) {
      const set = await stage()
      const made = governedTool({
        name: "buy",
        description: "buys",
        parameters,
        execute: () => {
          throw thrown
        },
        ...terms(set),
        ...(onError && { onError }),
      })
      const done = await run(agentOf([made], [call(5)]), "go")
      assert.match(String(textsOf(done)[0]), /^An error occurred while running the tool/)
      assert.equal(decisionOf(outputsOf(done)[0])?.execution.state, state)
    }
  })

  test("settles what it has really cost, and hands on its key and its own context", async () => {
    const set = await stage()
    const made = governedTool({
      name: "buy",
      description: "buys",
      parameters,
      execute: async ({ price }, context?: RunContext<{ user: string }>) => ({
        bill: price / 2,
        key: currentSpend()?.idempotencyKey,
        user: context?.context.user,
      }),
      ...terms(set),
      charged: ({ bill }) => bill,
    })
    const done = await run(agentOf([made], [call(5)]), "go", { context: { user: "ana" } })
    const decision = decisionOf(outputsOf(done)[0])
    assert.equal(decision?.execution.settled, "2.50")
    assert.deepEqual(textsOf(done), [{ bill: 2.5, key: decision?.id, user: "ana" }])
  })

  test("is refused without what tool() needs, and for terms that are wrong", async () => {
    const set = await stage()
    const made = { name: "buy", description: "buys", parameters, execute: () => "x" }
    assert.throws(
      () => governedTool({ ...made, ...terms(set), amount: undefined } as never),
      /buy\.amount is undefined/,
    )
    assert.throws(() => governedTool({ ...made, to: "vendor", amount: 1 } as never), /wallet is undefined/)
    assert.throws(
      () => governedTool({ ...made, ...terms(set), onError: "keep" } as never),
      /buy\.onError is "keep"/,
    )
    assert.throws(() => governedTool(undefined as never, terms(set)), /no tool of the OpenAI Agents SDK/)
    assert.throws(
      () => governedTool(buyOf(set), { ...terms(set), scopes: 1 } as never),
      /buy\.scopes is not a known name/,
    )
  })
})

describe("Code that calls a tool itself", () => {
  test("makes a new spend each time, and reads a refusal as an error with its decision", async () => {
    const set = await stage()
    const governed = governedTool(buyOf(set), terms(set))
    for (let round = 0; round < 2; round++) {
      assert.equal(await governed.invoke(new RunContext({}), '{"price":5}'), "bought for 5")
    }
    assert.deepEqual(set.ran, [5, 5])
    await assert.rejects(governed.invoke(new RunContext({}), '{"price":30}'), {
      code: "not_approved",
      message: /^buy: Not run: it waits for a reviewer/,
    })
    assert.match(String(await governed.invoke(new RunContext({}), '{"price":"x"}')), /^An error occurred/)
  })
})

describe("A list of tools", () => {
  test("puts those under terms that are named, and leaves the others as they are", async () => {
    const set = await stage()
    const free = tool({ name: "echo", description: "", parameters, execute: () => "x" }) as AnyTool
    const { scope, wallet, ...own } = terms(set)
    const [buy, echo] = governedTools([buyOf(set), free], { wallet, scope, terms: { buy: own } })
    assert.equal(echo, free)
    const done = await run(agentOf([buy as AnyTool], [call(5)]), "go")
    assert.equal(decisionOf(outputsOf(done)[0])?.execution.settled, "5.00")
  })

  test("refuses a misspelt name, and tools that run where nothing can be decided, unless they are allowed", async () => {
    const set = await stage()
    const { wallet } = set
    const own = { amount: 1, to: "vendor" }
    const tools = [buyOf(set), webSearchTool()]
    assert.throws(
      () => governedTools(tools, { wallet, terms: { bye: own } }),
      /terms\.bye names no tool.*The tools are: buy, web_search/,
    )
    assert.throws(
      () => governedTools(tools, { wallet, terms: { buy: own } }),
      (error: Error & { remedy: string }) =>
        /"web_search" \(hosted_tool\) cannot be governed/.test(error.message) &&
        /allowUngated: \["web_search"\]/.test(error.remedy),
    )
    const [, search] = governedTools(tools, { wallet, terms: { buy: own }, allowUngated: ["web_search"] })
    assert.equal(search, tools[1])
    assert.throws(
      () => governedTools(tools, { wallet, terms: { buy: own }, allowUngated: ["websearch"] }),
      /allowUngated\.websearch names no tool/,
    )
    assert.throws(
      () => governedTool(codeInterpreterTool() as never, { wallet, ...own }),
      /cannot be governed/,
    )
  })

  test("refuses an agent as a tool: its own tools are what can be paid for", async () => {
    const { wallet } = await stage()
    const helper = new Agent({ name: "helper" }).asTool({ toolName: "helper", toolDescription: "helps" })
    assert.throws(
      () => governedTool(helper as AnyTool, { wallet, amount: 1, to: "vendor" }),
      /The tool "helper" is an agent/,
    )
  })
})

describe("A wallet for each customer", () => {
  test("is found by the context of the run", async () => {
    const [ada, bob] = [
      await testWallet({ owner: "ada", dailyLimit: 5 }),
      await testWallet({ owner: "bob", dailyLimit: 5 }),
    ]
    const ran: unknown[] = []
    const governed = governedTool(buyOf({ ran }), {
      wallet: ({ context }) =>
        (context as { customer: string }).customer === "ada" ? ada.wallet : bob.wallet,
      amount: 4,
      to: "vendor",
      scope: ({ customer }) => customer,
    })
    for (const [customer, id] of [
      ["ada", "c1"],
      ["ada", "c2"],
      ["bob", "c3"],
    ] as const) {
      await run(agentOf([governed], [call(4, id)]), "go", { context: { customer } })
    }
    assert.equal(ran.length, 2)
    assert.equal((await bob.wallet.balance()).limits[0]?.settled, "4.00")
  })
})
