import { ToolMessage } from "@langchain/core/messages"
import { DynamicStructuredTool, DynamicTool, StructuredTool, tool } from "@langchain/core/tools"
import { Command, interrupt } from "@langchain/langgraph"
import { z } from "zod"
import { z as z3 } from "zod/v3"

const n = z.object({ n: z.number() })
const named = (name: string, more: object = {}) => ({ name, description: `does ${name}`, schema: n, ...more })

class Metered extends StructuredTool {
  readonly #unit = "EUR"
  readonly name = "private_fields"
  readonly schema = n
  get description(): string {
    return `costs ${this.#unit}`
  }
  protected async _call({ n: count }: { n: number }): Promise<string> {
    return `${count} ${this.#unit}`
  }
}

/** Every way of writing a tool that has come up, each made anew: what one run changes, no other sees. */
export const bareTools = {
  text: () => tool(async ({ n: count }) => `got ${count}`, named("text")),
  object: () => tool(async ({ n: count }) => ({ count, nested: { list: [1, null] } }), named("object")),
  blocks: () => tool(async () => [{ type: "text", text: "a block" }], named("blocks")),
  list: () => tool(async () => [1, 2, 3], named("list")),
  nothing: () => tool(async () => undefined, named("nothing")),
  zero: () => tool(async () => 0, named("zero")),
  metadata: () =>
    tool(async () => "x", named("metadata", { metadata: { price: 1 }, tags: ["paid"], extras: { a: 1 } })),
  transformed: () =>
    tool(async (args) => JSON.stringify(args), {
      name: "transformed",
      description: "d",
      schema: z.object({
        n: z.number().transform(String),
        unit: z.string().default("page"),
        at: z.date().optional(),
      }),
    }),
  zod3: () =>
    tool(async (args: { n: number; unit: string }) => JSON.stringify(args), {
      name: "zod3",
      description: "d",
      schema: z3.object({ n: z3.number(), unit: z3.string().default("page") }) as never,
    }),
  jsonSchema: () =>
    tool(async (args) => JSON.stringify(args), {
      name: "jsonSchema",
      description: "d",
      schema: { type: "object", properties: { n: { type: "number" } }, required: ["n"] } as const,
    }),
  dynamic: () =>
    new DynamicStructuredTool({
      ...named("dynamic"),
      func: async ({ n: count }: { n: number }) => `dynamic ${count}`,
    }),
  textInput: () =>
    new DynamicTool({ name: "textInput", description: "d", func: async (input) => `read ${input}` }),
  private_fields: () => new Metered(),
  pair: () =>
    tool(
      async () => ["content", { file: "a.pdf" }],
      named("pair", { responseFormat: "content_and_artifact" }),
    ),
  pairOfList: () =>
    tool(
      async () => ["content", [{ page: 1 }]],
      named("pairOfList", { responseFormat: "content_and_artifact" }),
    ),
  pairOfNothing: () =>
    tool(async () => ["content", null], named("pairOfNothing", { responseFormat: "content_and_artifact" })),
  noPair: () => tool(async () => "one", named("noPair", { responseFormat: "content_and_artifact" })),
  stream: () =>
    tool(async function* ({ n: count }: { n: number }) {
      for (let chunk = 0; chunk < count; chunk++) yield { chunk }
      return `${count} chunks`
    }, named("stream")),
  message: () =>
    tool(
      async (_args, { toolCall }) =>
        new ToolMessage({
          content: "own",
          tool_call_id: toolCall?.id ?? "none",
          name: "own",
          artifact: { own: true },
        }),
      named("message"),
    ),
  errorMessage: () =>
    tool(
      async (_args, { toolCall }) =>
        new ToolMessage({ content: "soft failure", tool_call_id: toolCall?.id ?? "none", status: "error" }),
      named("errorMessage"),
    ),
  command: () =>
    tool(
      async (_args, { toolCall }) =>
        new Command({
          update: { messages: [new ToolMessage({ content: "moved", tool_call_id: toolCall?.id ?? "none" })] },
        }),
      named("command"),
    ),
  throws: () =>
    tool(async () => {
      throw new RangeError("out of stock")
    }, named("throws")),
  throwsText: () =>
    tool(async () => {
      throw "no error object"
    }, named("throwsText")),
  runtime: () =>
    tool(async (args, config) => {
      const { state, writer, configurable, toolCallId, context } = config as Record<string, never>
      ;(writer as undefined | ((chunk: unknown) => void))?.({ progress: args.n })
      return JSON.stringify({
        messages: (state as undefined | { messages: readonly unknown[] })?.messages?.length,
        thread: (configurable as undefined | { thread_id?: string })?.thread_id,
        toolCallId,
        context,
      })
    }, named("runtime")),
  returnDirect: () => tool(async () => "the end", named("returnDirect", { returnDirect: true })),
  callsAnother: () => {
    const inner = tool(async ({ n: count }) => `inner ${count}`, named("inner"))
    return tool(
      async (args, config) => `outer of ${JSON.stringify(await inner.invoke(args, config))}`,
      named("callsAnother"),
    )
  },
  interrupts: () => tool(async () => `answered ${interrupt("really?")}`, named("interrupts")),
} as const

export type ToolName = keyof typeof bareTools
