import assert from "node:assert/strict"
import { Agent, Runner, RunState, setTraceProcessors, setTracingDisabled } from "@openai/agents"
import { assistantMessage, ScriptedModel } from "@openai/agents/testing"
import { afterAll, describe, test } from "vitest"
import type { AnyTool } from "../test/agent-app.ts"
import { buyOf, call, stage, terms } from "../test/stage.ts"
import { governedModel, governedTool, pendingDecisions } from "./index.ts"

interface SpanData {
  readonly type: string
  readonly name?: string
  readonly data?: Readonly<Record<string, unknown>>
}

/** The spans that a run ends, as a processor of the user gets them. */
function listen(): SpanData[] {
  const ended: SpanData[] = []
  const nothing = async () => undefined
  const onSpanEnd = async (span: { spanData: unknown }) => void ended.push(span.spanData as SpanData)
  setTracingDisabled(false)
  setTraceProcessors([
    {
      onSpanEnd,
      onTraceStart: nothing,
      onTraceEnd: nothing,
      onSpanStart: nothing,
      forceFlush: nothing,
      shutdown: nothing,
    },
  ])
  return ended
}

afterAll(() => {
  setTraceProcessors([])
  setTracingDisabled(true)
})

const decisionsIn = (spans: readonly SpanData[]) =>
  spans
    .filter(({ type, name }) => type === "custom" && name?.startsWith("nornr"))
    .map(({ name, data }) => [name, data?.["amount"]])

describe("The SDK's trace", () => {
  test("has each decision as one custom span, however often its call is asked about", async () => {
    const spans = listen()
    const set = await stage()
    const price = { input: "1", output: "1" }
    const scripted = new ScriptedModel([
      [call(5), call(30, "c2"), call(60, "c3")],
      [assistantMessage("Done.")],
    ])
    const model = governedModel(scripted, { wallet: set.wallet, to: "openai", price, maxOutputTokens: 100 })
    const tools = [governedTool(buyOf(set), terms(set)) as AnyTool]
    const agent = new Agent({ name: "agent", model, tools })
    const runner = new Runner()
    const paused = await runner.run(agent, "go")
    const again = await runner.run(agent, await RunState.fromString(agent, paused.state.toString()))
    await set.desk.approve(pendingDecisions(again)[0]?.id as string)
    await runner.run(agent, await RunState.fromString(agent, again.state.toString()))
    const seen = decisionsIn(spans)
    assert.deepEqual(seen.slice(1, 4).sort(), [
      ["nornr approved", "5.00"],
      ["nornr queued", "30.00"],
      ["nornr rejected", "60.00"],
    ])
    assert.deepEqual(
      seen.map(([name]) => name).filter((name) => name !== "nornr approved"),
      ["nornr queued", "nornr rejected"],
    )
    assert.equal(seen.length, 5, "three calls of the tool and two of the model")
    assert(!JSON.stringify(spans.filter(({ type }) => type === "custom")).includes("args"))
  })

  test("is no need: without it the agent is named on its decisions all the same", async () => {
    listen()
    const set = await stage()
    const model = new ScriptedModel([[call(5)], [assistantMessage("Done.")]])
    const agent = new Agent({
      name: "buyer",
      model,
      tools: [governedTool(buyOf(set), terms(set)) as AnyTool],
    })
    await new Runner({ tracingDisabled: true }).run(agent, "go")
    setTracingDisabled(true)
    const events = await Array.fromAsync(set.wallet.trail({ agent: "buyer" }))
    assert(events.length > 0)
  })
})
