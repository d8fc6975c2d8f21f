import assert from "node:assert/strict"
import { testWallet } from "@nornr/core/testing"
import { type OpenAIServer, startOpenAI } from "@nornr/support/openai-server"
import {
  Agent,
  type Model,
  type ModelRequest,
  OpenAIProvider,
  retryPolicies,
  run,
  Usage,
} from "@openai/agents"
import { assistantMessage, ScriptedModel } from "@openai/agents/testing"
import OpenAI from "openai"
import { describe, onTestFinished, test } from "vitest"
import { decisionOf, decisionsOf, governedModel } from "./index.ts"

const price = { input: "1000", output: "1000", cachedInput: "100" }

/** A cent for ten tokens: prompts of about a thousand bytes are a dollar. */
const terms = { to: "openai", price: { input: "1000", output: "1000" }, maxOutputTokens: 1000 }

async function stage(mandate: object = { dailyLimit: 50 }) {
  const set = await testWallet(mandate)
  const server = await startOpenAI(["One.", "Two.", "Three."])
  onTestFinished(() => server.close())
  return { ...set, server, model: await modelAt(server) }
}

async function modelAt(server: OpenAIServer): Promise<Model> {
  const openAIClient = new OpenAI({ apiKey: "offline", baseURL: server.url, maxRetries: 0 })
  return new OpenAIProvider({ openAIClient }).getModel("gpt-5-mini")
}

const agentOf = (model: Model, more: object = {}) => new Agent({ name: "writer", model, ...more })

describe("A governed model", () => {
  test("is not asked where the most that a call can cost is over the limit, and the error says why", async () => {
    const { wallet, server, model } = await stage({ dailyLimit: 0.5 })
    const governed = governedModel(model, { wallet, ...terms })
    await assert.rejects(run(agentOf(governed), "go"), (error) => {
      assert.match(String(error), /The model: Not run, nothing charged\. Daily limit 0\.50 USD/)
      const decision = decisionOf(error)
      assert.deepEqual(
        [decision?.status, decision?.run.agent, decision?.to],
        ["rejected", "writer", "openai"],
      )
      return true
    })
    assert.equal(server.bodies.length, 0)
  })

  test("is not asked while a person would have to say yes, and holds nothing: a model call cannot wait", async () => {
    const { wallet, desk, server, model } = await stage({ dailyLimit: 50, requireApprovalAbove: 0.5 })
    const governed = governedModel(model, { wallet, ...terms })
    await assert.rejects(run(agentOf(governed), "go"), {
      code: "not_approved",
      message:
        /a person decides\. A model call cannot wait for one.*Raise requireApprovalAbove, or lower maxOutputTokens/,
    })
    assert.deepEqual([server.bodies.length, await desk.pending()], [0, []])
    assert.equal((await wallet.balance()).limits[0]?.held, "0.00")
  })

  test("is not asked by a wallet that is frozen, nor while the ledger is out of reach", async () => {
    const { wallet, desk, fail, server, model } = await stage()
    const governed = governedModel(model, { wallet, ...terms })
    await desk.freeze()
    await assert.rejects(run(agentOf(governed), "go"), /The wallet is frozen/)
    await desk.unfreeze()
    fail("ledger_unavailable", { times: 1000 })
    await assert.rejects(run(agentOf(governed), "go"), { code: "ledger_unavailable" })
    fail("ledger_unavailable", { times: 0 })
    assert.equal(server.bodies.length, 0)
  })

  test("makes each attempt a spend of its own, and gets its hold back where the provider refuses", async () => {
    const { wallet, server, model } = await stage()
    const governed = governedModel(model, { wallet, ...terms })
    server.fail(429, 429)
    const settings = {
      retry: { maxRetries: 3, policy: retryPolicies.httpStatus([429]), backoff: { initialDelayMs: 1 } },
    }
    const done = await run(agentOf(governed, { modelSettings: settings }), "go")
    assert.equal(done.finalOutput, "One.")
    const ended = (await Array.fromAsync(wallet.trail()))
      .map(({ type }) => type)
      .filter((type) => /spend\.(settled|released|failed)/.test(type))
    assert.equal(server.bodies.length, 3)
    assert.deepEqual(ended, ["spend.released", "spend.released", "spend.settled"])
  })

  test("keeps the hold of a call whose end nobody knows", async () => {
    const { wallet, desk, server, model } = await stage()
    const governed = governedModel(model, { wallet, ...terms })
    server.fail(...Array.from({ length: 9 }, () => 500))
    await assert.rejects(run(agentOf(governed), "go"), /500/)
    assert.equal((await desk.failed()).length, 1)
  })

  test("keeps the hold of a stream that is left before it is complete", async () => {
    const { wallet, desk, model } = await stage()
    const governed = governedModel(model, { wallet, ...terms })
    for await (const _ of governed.getStreamedResponse(requestOf("go"))) break
    assert.equal((await desk.failed()).length, 1)
  })

  test("prices cached input apart, and settles the hold where the provider counted nothing", async () => {
    const { wallet } = await stage()
    const usage = (counts: object) => new Usage({ ...counts } as never)
    const model = new ScriptedModel([
      {
        usage: usage({ inputTokens: 3000, outputTokens: 100, inputTokensDetails: [{ cached_tokens: 2000 }] }),
        output: [assistantMessage("One.")],
      } as never,
      { usage: usage({ inputTokens: 0, outputTokens: 0 }), output: [assistantMessage("Two.")] } as never,
    ])
    const governed = governedModel(model, { wallet, ...terms, price })
    const [first] = decisionsOf((await run(agentOf(governed), "go")).rawResponses)
    assert.equal(first?.execution.settled, "1.30")
    const [second] = decisionsOf((await run(agentOf(governed), "go")).rawResponses)
    assert.equal(second?.execution.settled, second?.amount)
    assert.equal(second?.reasons[0]?.code, "charge_unknown")
  })

  test("counts in full what it costs above its bound", async () => {
    const { wallet } = await stage()
    const usage = new Usage({ inputTokens: 10, outputTokens: 5000 } as never)
    const model = new ScriptedModel([{ usage, output: [assistantMessage("Long.")] } as never])
    const governed = governedModel(model, { wallet, ...terms })
    const [decision] = decisionsOf((await run(agentOf(governed), "go")).rawResponses)
    assert.equal(decision?.execution.settled, "5.01")
    const overage = (await Array.fromAsync(wallet.trail())).some(({ type }) => type.includes("overage"))
    assert(overage)
  })

  test.each([
    [
      "an image",
      { input: [{ role: "user", content: [{ type: "input_image", image: "https://x.example/a.png" }] }] },
    ],
    ["a tool of the provider", { tools: [{ type: "hosted_tool", name: "web_search" }] }],
    ["a conversation that the provider keeps", { conversationId: "conv_1" }],
    ["a response that the provider keeps", { previousResponseId: "resp_1" }],
    ["a stored prompt", { prompt: { promptId: "p" } }],
  ])("needs a bound of the prompt where it has %s", async (_, more) => {
    const { wallet, server, model } = await stage()
    const request = { ...requestOf("go"), ...more } as ModelRequest
    await assert.rejects(
      governedModel(model, { wallet, ...terms }).getResponse(request),
      /Set maxInputTokens/,
    )
    assert.equal(server.bodies.length, 0)
    const usage = new Usage({ inputTokens: 10, outputTokens: 10 } as never)
    const bounded = new ScriptedModel([{ usage, output: [assistantMessage("One.")] } as never])
    const answer = await governedModel(bounded, { wallet, ...terms, maxInputTokens: 2000 }).getResponse(
      request,
    )
    assert.equal(decisionOf(answer)?.amount, "3.00")
  })

  test.each([
    ["max_output_tokens", { max_output_tokens: 5000 }, "5.00"],
    ["max_completion_tokens, and several answers", { max_completion_tokens: 2000, n: 3 }, "6.00"],
  ])("is held at what its provider is told by another name: %s", async (_, providerData, atLeast) => {
    const { wallet, model, server } = await stage()
    const governed = governedModel(model, { wallet, ...terms })
    const [decision] = decisionsOf(
      (await run(agentOf(governed, { modelSettings: { providerData } }), "go")).rawResponses,
    )
    assert(Number(decision?.amount) > Number(atLeast), decision?.amount)
    assert.doesNotMatch(server.bodies.join(), /"max_output_tokens":1000/)
    const wrong = { modelSettings: { maxTokens: Number.NaN } }
    await assert.rejects(run(agentOf(governed, wrong), "go"), /The most tokens of an answer is NaN/)
  })

  test.each([
    ["tools", { tools: [{ type: "web_search" }] }],
    ["a kept response", { previous_response_id: "resp_1" }],
    ["messages, deeper", { extra_body: { input: "x".repeat(40_000) } }],
  ])(
    "needs a bound of the prompt where the provider is told by its own name of %s",
    async (_, providerData) => {
      const { wallet, model, server } = await stage()
      const agent = agentOf(governedModel(model, { wallet, ...terms }), { modelSettings: { providerData } })
      await assert.rejects(run(agent, "go"), /Set maxInputTokens/)
      assert.equal(server.bodies.length, 0)
    },
  )

  test("counts what the provider is told besides, and a longer answer that it is told of deeper", async () => {
    const { wallet, model } = await stage()
    const amountOf = async (providerData: object) => {
      const agent = agentOf(governedModel(model, { wallet, ...terms }), { modelSettings: { providerData } })
      return Number(decisionsOf((await run(agent, "go")).rawResponses)[0]?.amount)
    }
    const plain = await amountOf({})
    assert((await amountOf({ text: { format: { schema: "x".repeat(4000) } } })) > plain + 4)
    assert((await amountOf({ extra_body: { max_output_tokens: 3000 } })) >= plain + 2)
  })

  test("that is aborted before it is asked holds nothing, and ends as the SDK ends it", async () => {
    for (const isStreamed of [false, true]) {
      const { wallet, desk, model, server } = await stage()
      const stop = new AbortController()
      const governed = governedModel(model, {
        ...terms,
        wallet: () => {
          stop.abort()
          return wallet
        },
      })
      const options = { signal: stop.signal }
      const ended = isStreamed
        ? run(agentOf(governed), "go", { ...options, stream: true }).then((streamed) => streamed.completed)
        : run(agentOf(governed), "go", options)
      await ended.catch((error: Error) => assert.doesNotMatch(error.message, /Nornr|The call was/))
      assert.deepEqual([server.bodies.length, (await desk.failed()).length], [0, 0])
      assert.equal((await wallet.balance()).limits[0]?.held, "0.00")
    }
  })

  test("that was frozen is governed, and a stream that is left at its end is ended at its source", async () => {
    const { wallet } = await stage()
    let ended = 0
    const source: Model = Object.freeze({
      getResponse: async () => ({
        usage: new Usage({ inputTokens: 10, outputTokens: 10 } as never),
        output: [],
      }),
      async *getStreamedResponse() {
        try {
          const usage = { inputTokens: 10, outputTokens: 10, totalTokens: 20 }
          yield { type: "output_text_delta" as const, delta: "a" }
          yield { type: "response_done" as const, response: { id: "r", usage, output: [] } }
          yield { type: "model" as const, event: {} }
        } finally {
          ended++
        }
      },
    })
    const governed = governedModel(source, { wallet, ...terms })
    assert.equal(decisionOf(await governed.getResponse(requestOf("go")))?.execution.settled, "0.02")
    for await (const event of governed.getStreamedResponse(requestOf("go")))
      if (event.type === "response_done") break
    for await (const _ of governed.getStreamedResponse(requestOf("go"))) break
    assert.equal(ended, 2)
    assert.equal(governed.getResponse, governed.getResponse)
  })

  test("is otherwise the model that it was: its class, its own methods, its advice", async () => {
    const { wallet, model } = await stage()
    const governed = governedModel(model, { wallet, ...terms })
    assert(governed instanceof model.constructor)
    assert.equal(typeof governed.getRetryAdvice, typeof model.getRetryAdvice)
  })

  test.each([
    [{ ...terms, maxOutputTokens: undefined }, /: maxOutputTokens is undefined/],
    [{ ...terms, to: undefined }, /: to is undefined/],
    [{ ...terms, price: "cheap" }, /: price is "cheap"/],
    [{ ...terms, maxTokens: 5 }, /maxTokens is not a known name/],
  ])("refuses terms that are wrong: %#", async (given, message) => {
    const { wallet, model } = await stage()
    assert.throws(() => governedModel(model, { wallet, ...given } as never), message)
    assert.throws(() => governedModel("gpt-5" as never, { wallet, ...terms }), /no model of the SDK/)
  })
})

const requestOf = (input: string): ModelRequest => ({
  ...{ input, modelSettings: {}, tools: [], handoffs: [], tracing: false },
  outputType: "text",
})
