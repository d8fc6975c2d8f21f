import assert from "node:assert/strict"
import {
  Agent,
  ToolGuardrailFunctionOutputFactory as answer,
  RunContext,
  Runner,
  type ToolInputParameters,
  type ToolOptions,
  type ToolOutputSchema,
  tool,
} from "@openai/agents"
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing"
import { z } from "zod"
import { governedTool } from "../src/index.ts"
import type { AnyTool } from "./agent-app.ts"

const n = z.object({ n: z.number() })
const named = { name: "work", description: "works" } as const

/** Tools as users write them: what each gives, and all that hangs on it. */
const optionsOf = <
  P extends ToolInputParameters,
  C = unknown,
  S extends ToolOutputSchema | undefined = undefined,
>(
  options: ToolOptions<P, C, S>,
) => options

export const kinds = {
  text: () => optionsOf({ ...named, parameters: n, execute: ({ n }) => `worked ${n}` }),
  object: () =>
    optionsOf({ ...named, parameters: n, execute: async ({ n }) => ({ n, at: new Date(0) }) as never }),
  nothing: () => optionsOf({ ...named, parameters: n, execute: () => undefined as never }),
  image: () =>
    optionsOf({
      ...named,
      parameters: n,
      execute: () =>
        ({ type: "image", image: { data: new Uint8Array([1, 2]), mediaType: "image/png" } }) as never,
    }),
  several: () =>
    optionsOf({
      ...named,
      parameters: n,
      execute: () =>
        [
          { type: "text", text: "a" },
          { type: "text", text: "b" },
        ] as never,
    }),
  jsonSchema: () =>
    optionsOf({
      ...named,
      strict: false,
      parameters: {
        type: "object",
        properties: { n: { type: "number" } },
        required: ["n"],
        additionalProperties: true,
      },
      execute: (args) => `worked ${JSON.stringify(args)}`,
    }),
  refined: () =>
    optionsOf({
      ...named,
      parameters: z.object({
        n: z.coerce.number().refine((n) => n < 100),
        s: z.string().trim().default(" d "),
      }),
      execute: ({ n, s }) => `worked ${n + 1} ${s}`,
    }),
  context: () =>
    optionsOf({
      ...named,
      parameters: n,
      execute: (_, context, details) =>
        JSON.stringify([
          context?.context,
          details?.toolCall?.callId,
          details?.signal?.aborted,
          keysOf(details),
        ]),
    }),
  throwing: () =>
    optionsOf({
      ...named,
      parameters: n,
      execute: () => {
        throw new Error("sold out")
      },
    }),
  explaining: () =>
    optionsOf({
      ...named,
      parameters: n,
      execute: () => {
        throw new Error("sold out")
      },
      errorFunction: (_, error) => `it said ${(error as Error).message}`,
    }),
  fatal: () =>
    optionsOf({
      ...named,
      parameters: n,
      execute: () => {
        throw new Error("sold out")
      },
      errorFunction: null,
    }),
  slow: () =>
    optionsOf({
      ...named,
      parameters: n,
      timeoutMs: 20,
      execute: () => new Promise<string>(() => undefined),
    }),
  slowAndFatal: () =>
    optionsOf({
      ...named,
      parameters: n,
      timeoutMs: 20,
      timeoutBehavior: "raise_exception",
      execute: () => new Promise<string>(() => undefined),
    }),
  structured: () =>
    optionsOf({
      ...named,
      parameters: n,
      outputSchema: z.object({ total: z.number() }),
      execute: ({ n }) => ({ total: n }),
    }),
  misshapen: () =>
    optionsOf({
      ...named,
      parameters: n,
      outputSchema: z.object({ total: z.number() }),
      execute: () => ({ total: "many" }) as never,
      errorFunction: () => ({ total: -1 }),
    }),
  annotated: () =>
    optionsOf({
      ...named,
      parameters: n,
      execute: ({ n }) => `worked ${n}`,
      customDataExtractor: ({ input, output, toolCall }) => ({ input, output, id: toolCall.callId }),
    }),
  guarded: () =>
    optionsOf({
      ...named,
      parameters: n,
      execute: ({ n }) => `worked ${n}`,
      inputGuardrails: [{ name: "in", run: async () => answer.allow("seen") }],
      outputGuardrails: [
        { name: "out", run: async ({ output }) => answer.rejectContent(`not ${output}`, "replaced") },
      ],
    }),
  refusing: () =>
    optionsOf({
      ...named,
      parameters: n,
      execute: ({ n }) => `worked ${n}`,
      inputGuardrails: [{ name: "in", run: async () => answer.rejectContent("not now") }],
    }),
  reviewed: () => {
    const tried: unknown[] = []
    return optionsOf({
      ...named,
      parameters: z.object({ n: z.number().default(3) }),
      needsApproval: async (_, input, callId) => {
        tried.push([input, callId])
        return tried.length > 9
      },
      execute: () => JSON.stringify(tried),
    })
  },
  disabled: () => optionsOf({ ...named, parameters: n, isEnabled: false, execute: () => "never" }),
  provided: () =>
    optionsOf({ ...named, parameters: n, providerData: { a: 1 }, deferLoading: false, execute: () => "x" }),
} satisfies Record<string, () => unknown>

/** The SDK keeps more there than it shows. */
const keysOf = (details: unknown) => Reflect.ownKeys(Object(details)).map(String).sort()

export type Kind = keyof typeof kinds

export const bareTool = (kind: Kind) => tool(kinds[kind]() as never) as AnyTool

/** The two ways to put a tool under terms. */
export const forms = {
  wrapped: (kind: Kind, terms: object) => governedTool(bareTool(kind), terms as never),
  made: (kind: Kind, terms: object) =>
    governedTool({ ...(kinds[kind]() as object), ...terms } as never) as AnyTool,
}

/** All that can be seen of a run in which a model calls the tool: what the model is sent, items, events, hooks, errors. */
export async function observe(used: AnyTool, args: unknown, isStreamed: boolean): Promise<unknown> {
  const seen: unknown[] = []
  const call = functionCall("work", args as never, { callId: "c1" })
  const model = new ScriptedModel([[call], [assistantMessage("Done.")]])
  const agent = new Agent<{ user: string }>({ name: "agent", model, tools: [used] })
  const runner = new Runner({ tracingDisabled: true })
  runner.on("agent_tool_start", (_context, { name }, { name: called }) => seen.push(["start", name, called]))
  runner.on("agent_tool_end", (_context, _agent, { name: called }, result) =>
    seen.push(["end", called, result]),
  )
  const options = { context: new RunContext({ user: "ana" }) }
  try {
    const result = isStreamed
      ? await runner.run(agent, "go", { ...options, stream: true })
      : await runner.run(agent, "go", options)
    if ("toStream" in result) {
      for await (const event of result) if (event.type === "run_item_stream_event") seen.push(event.name)
      await result.completed
    }
    seen.push(result.finalOutput, result.interruptions.length, result.newItems.map(withoutDecision))
    seen.push(result.history)
    seen.push(result.toolOutputGuardrailResults.map(({ output }) => output))
    seen.push(result.toolInputGuardrailResults.filter(({ guardrail }) => guardrail.name !== "nornr"))
  } catch (error) {
    const { name, message } = error as Error
    seen.push([name, message])
  }
  seen.push(model.calls.map(({ request }) => ({ ...request, signal: undefined })))
  return JSON.parse(JSON.stringify(seen))
}

function withoutDecision(item: { toJSON(): object }): unknown {
  const { customData, ...rest } = item.toJSON() as { customData?: Record<string, unknown> }
  const { nornr: _, ...own } = customData ?? {}
  return { ...rest, ...(Object.keys(own).length > 0 && { customData: own }) }
}

/** A tool that is approved differs from the bare one in its decision alone. */
export async function assertSameAsBare(
  form: keyof typeof forms,
  terms: object,
  isStreamed: boolean,
): Promise<void> {
  for (const kind of Object.keys(kinds) as Kind[]) {
    const governed = forms[form](kind, { ...terms, amount: 1, scope: () => kind })
    assert.deepEqual(
      await observe(governed, { n: 2 }, isStreamed),
      await observe(bareTool(kind), { n: 2 }, isStreamed),
    )
  }
}
