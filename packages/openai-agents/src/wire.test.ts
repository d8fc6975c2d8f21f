import assert from "node:assert/strict"
import { testWallet } from "@nornr/core/testing"
import { type OpenAIServer, startOpenAI } from "@nornr/support/openai-server"
import { Agent, type Model, OpenAIProvider, RunState, run, tool } from "@openai/agents"
import { describe, test } from "vitest"
import { z } from "zod"
import { decisionsOf, governedModel, governedTool, pendingDecisions } from "./index.ts"

const lines = [
  [
    { name: "buy", args: { price: 5 } },
    { name: "buy", args: { price: 30 } },
    { name: "buy", args: { price: 70 } },
  ],
  "Two of three.",
]

const modelAt = (server: OpenAIServer, useResponses: boolean) =>
  new OpenAIProvider({ apiKey: "offline", baseURL: server.url, useResponses }).getModel(
    "gpt-5-mini",
  ) as Promise<Model>

const shop = () =>
  tool({
    name: "buy",
    description: "buys",
    parameters: z.object({ price: z.number() }),
    execute: ({ price }) => `bought for ${price}`,
  })

type Bare = ReturnType<typeof shop>

/** Runs the story with or without a stream; whoever has a wallet approves what waits. */
async function play(
  buy: Bare,
  model: Model,
  isStreamed: boolean,
  approve: (id: string) => Promise<unknown> = async () => undefined,
  told: unknown[] = [],
) {
  const agent = new Agent({ name: "agent", instructions: "Buy.", tools: [buy], model })
  const step = async (input: string | RunState<undefined, typeof agent>) => {
    if (!isStreamed) return run(agent, input, { maxTurns: 4 })
    const streamed = await run(agent, input, { stream: true })
    for await (const event of streamed) {
      if (event.type === "raw_model_stream_event" && event.data.type === "response_done")
        told.push(event.data.response)
    }
    await streamed.completed
    return streamed
  }
  const first = await step("Buy three.")
  for (const { id } of pendingDecisions(first)) await approve(id)
  if (first.interruptions.length === 0) return first
  return step((await RunState.fromString(agent, first.state.toString())) as RunState<undefined, typeof agent>)
}

/** What differs in each run, and the texts of results, which differ where a call was refused. */
const comparable = (bodies: readonly string[]) =>
  bodies.map((body) =>
    JSON.parse(body.replace(/call_[0-9a-f]{24}|(fc|msg|resp)_[0-9a-f]{24}/g, "id"), (key, value) =>
      (key === "output" || key === "content") && typeof value === "string" ? "text" : value,
    ),
  )

describe.each([
  ["Responses", true],
  ["Chat Completions", false],
] as const)("Over the wire of %s", (_, useResponses) => {
  describe.each([
    ["awaited", false],
    ["streamed", true],
  ] as const)("a run that is %s", (_how, isStreamed) => {
    test("sends the model what it sends without a wallet: tools, calls and results, and no decision", async () => {
      const { wallet, desk } = await testWallet({ dailyLimit: 50, requireApprovalAbove: 20 })
      const server = await startOpenAI(lines)
      const amount = ({ price }: { price: number }) => price
      const governed = governedTool(shop(), { wallet, amount, to: "vendor" })
      const done = await play(governed, await modelAt(server, useResponses), isStreamed, (id) =>
        desk.approve(id),
      )
      assert.equal(done.finalOutput, "Two of three.")
      assert.deepEqual(
        decisionsOf(done)
          .map(({ amount, execution }) => [amount, execution.state])
          .sort(),
        [
          ["30.00", "settled"],
          ["5.00", "settled"],
          ["70.00", "idle"],
        ],
      )
      const bare = await startOpenAI(lines)
      await play(shop(), await modelAt(bare, useResponses), isStreamed)
      assert.deepEqual(comparable(server.bodies), comparable(bare.bodies))
      const texts = server.bodies.join("\n")
      for (const word of ["nornr", "receipt", "idempotencyKey", "mandate", "customData"]) {
        assert(!texts.includes(word), `${word} is on no wire`)
      }
      assert.match(texts, /bought for 30/)
      assert.match(texts, /Not run, nothing charged\. Daily limit 50\.00 USD/)
      server.close()
      bare.close()
    })

    test("of a governed model sends what it sends bare, and the most that it may answer", async () => {
      const { wallet } = await testWallet({ dailyLimit: 50 })
      const server = await startOpenAI(lines)
      const price = { input: "1.25", output: "10" }
      const model = governedModel(await modelAt(server, useResponses), {
        wallet,
        to: "openai",
        price,
        maxOutputTokens: 900,
      })
      const told: unknown[] = []
      const done = await play(shop(), model, isStreamed, undefined, told)
      const costs = server.bodies.map((body) => (Math.ceil(body.length / 4) * 1.25 + 800) / 1e6)
      const calls = decisionsOf(isStreamed ? told : done.rawResponses)
      assert.deepEqual(
        calls.map(({ execution, run }) => [Number(execution.settled).toFixed(5), run.agent]),
        costs.map((cost) => [cost.toFixed(5), "agent"]),
      )
      assert(
        calls.every(({ amount, execution }) => Number(amount) > Number(execution.settled)),
        "held at more",
      )
      const bare = await startOpenAI(lines)
      await play(shop(), await modelAt(bare, useResponses), isStreamed)
      const bound = useResponses ? "max_output_tokens" : "max_tokens"
      const without = comparable(server.bodies).map(({ [bound]: most, ...rest }) => {
        assert.equal(most, 900)
        return rest
      })
      assert.deepEqual(without, comparable(bare.bodies))
      server.close()
      bare.close()
    })
  })
})
