// OpenAI's side of a test or an offline example: a server on loopback that speaks the Responses and Chat Completions
// protocols, so that the real client and its wire are used. It says its lines and keeps what it was sent.
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { isReal } from "./provider.ts"
import type { Line } from "./scripted-model.ts"

export interface OpenAIServer {
  /** What OPENAI_BASE_URL is to be. */
  readonly url: string
  /** The bodies of all requests, as text, in order. */
  readonly bodies: readonly string[]
  /** The next requests are answered with these statuses of HTTP. */
  fail(...statuses: readonly number[]): void
  close(): void
}

/**
 * Starts a server with one script, or several: the first whose name is in what it is sent. Which line it is follows
 * from how often the model has spoken in the conversation that it is sent.
 */
export async function startOpenAI(
  scripts: readonly Line[] | Readonly<Record<string, readonly Line[]>>,
): Promise<OpenAIServer> {
  const bodies: string[] = []
  const failures: number[] = []
  const server = createServer(async (request, response) => {
    const text = await textOf(request)
    bodies.push(text)
    const status = failures.shift()
    if (status !== undefined) return sendJson(response, { error: { message: "The server fails." } }, status)
    const body = JSON.parse(text) as Body
    const protocol = request.url?.endsWith("/chat/completions") ? chat : responses
    const usage = { input: Math.ceil(text.length / 4), output: 80 }
    const answer = protocol.answer(lineFor(scripts, text, protocol.turnsOf(body)), usage)
    return body.stream === true ? protocol.stream(response, answer) : sendJson(response, answer)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    bodies,
    fail: (...statuses) => void failures.push(...statuses),
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** The environment that lets a story's processes ask this server, or OpenAI itself where its key is set. */
export function environmentOf({ url }: OpenAIServer): Readonly<Record<string, string>> {
  const offline = { OPENAI_API_KEY: "offline", OPENAI_BASE_URL: url, OPENAI_AGENTS_DISABLE_TRACING: "1" }
  return isReal ? {} : offline
}

type Item = Readonly<Record<string, unknown>>

interface Body {
  readonly stream?: boolean
  readonly input?: string | readonly Item[]
  readonly messages?: readonly Item[]
}

interface Usage {
  readonly input: number
  readonly output: number
}

interface Protocol {
  /** How often the model has spoken. */
  turnsOf(body: Body): number
  answer(line: Line, usage: Usage): Item
  stream(response: ServerResponse, answer: Item): void
}

function lineFor(scripts: Parameters<typeof startOpenAI>[0], text: string, turns: number): Line {
  const named = Object.entries(scripts as Record<string, readonly Line[]>)
  const own = Array.isArray(scripts) ? scripts : named.find(([name]) => text.includes(name))?.[1]
  return (own as readonly Line[] | undefined)?.[turns] ?? "Done."
}

const calls = (line: Line) =>
  typeof line === "string" ? [] : line.map((call) => ({ ...call, id: `call_${hex(24)}` }))

const responses: Protocol = {
  turnsOf({ input = [] }) {
    const items = typeof input === "string" ? [] : input
    const isCall = (item?: Item) => item?.["type"] === "function_call"
    const turns = items.filter(
      (item, at) => item["role"] === "assistant" || (isCall(item) && !isCall(items[at - 1])),
    )
    return turns.length
  },
  answer(line, { input, output }) {
    const message = { type: "message", id: `msg_${hex(24)}`, role: "assistant", status: "completed" }
    const content = [{ type: "output_text", text: line, annotations: [], logprobs: [] }]
    const items = calls(line).map(({ id, name, args }) => ({
      ...{ type: "function_call", id: `fc_${hex(24)}`, call_id: id, status: "completed" },
      ...{ name, arguments: JSON.stringify(args) },
    }))
    return {
      ...{ id: `resp_${hex(24)}`, object: "response", created_at: 0, status: "completed", model: "offline" },
      ...{ error: null, incomplete_details: null, instructions: null, metadata: {}, tools: [] },
      ...{ parallel_tool_calls: true, tool_choice: "auto", temperature: 1, top_p: 1 },
      output: typeof line === "string" ? [{ ...message, content }] : items,
      usage: {
        ...{ input_tokens: input, output_tokens: output, total_tokens: input + output },
        input_tokens_details: { cached_tokens: 0 },
        output_tokens_details: { reasoning_tokens: 0 },
      },
    }
  },
  stream(response, answer) {
    const [item] = answer["output"] as readonly { readonly content?: readonly { readonly text: string }[] }[]
    const delta = item?.content?.[0]?.text
    const events = [
      { type: "response.created", response: { ...answer, status: "in_progress", output: [] } },
      ...(delta === undefined ? [] : [{ type: "response.output_text.delta", delta, output_index: 0 }]),
      { type: "response.completed", response: answer },
    ]
    const numbered = events.map((event, at) => ({ ...event, sequence_number: at }))
    sendEvents(
      response,
      numbered.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}`),
    )
  },
}

const chat: Protocol = {
  turnsOf: ({ messages = [] }) => messages.filter(({ role }) => role === "assistant").length,
  answer(line, { input, output }) {
    const tool_calls = calls(line).map(({ id, name, args }) => ({
      id,
      type: "function",
      function: { name, arguments: JSON.stringify(args) },
    }))
    const isText = typeof line === "string"
    const message = {
      role: "assistant",
      refusal: null,
      content: isText ? line : null,
      ...(!isText && { tool_calls }),
    }
    return {
      ...{ id: `chatcmpl-${hex(24)}`, object: "chat.completion", created: 0, model: "offline" },
      choices: [{ index: 0, logprobs: null, finish_reason: isText ? "stop" : "tool_calls", message }],
      usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
    }
  },
  stream(response, { choices, usage, ...rest }) {
    const [{ message, ...choice }] = choices as [{ readonly message: { tool_calls?: Item[] } }]
    const tool_calls = message.tool_calls?.map((call, index) => ({ index, ...call }))
    const delta = { ...message, ...(tool_calls && { tool_calls }) }
    const chunk = { ...rest, object: "chat.completion.chunk" }
    const chunks = [
      { ...chunk, choices: [{ ...choice, delta }] },
      { ...chunk, choices: [], usage },
    ]
    sendEvents(response, [...chunks.map((each) => `data: ${JSON.stringify(each)}`), "data: [DONE]"])
  },
}

function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value))
}

function sendEvents(response: ServerResponse, events: readonly string[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" })
  response.end(events.map((event) => `${event}\n\n`).join(""))
}

function hex(length: number): string {
  return randomUUID().replaceAll("-", "").slice(0, length)
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ""
  for await (const chunk of request) text += String(chunk)
  return text
}
