import { once } from "node:events"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"

/** A paid service on loopback: the vendor's side of a test, and the witness of what was really run. */
export interface MeteredService {
  readonly url: string
  /** How many requests a tool has had. */
  count(tool: string): number
  /** The idempotency keys of those requests, in order. */
  keys(tool: string): readonly (string | undefined)[]
  /** From now on requests of a tool are counted and not answered, until the given function is called. */
  hold(tool: string): () => void
  /** From now on requests of a tool are counted and answered with status 500. */
  break(tool: string): void
  /** Waits until a tool has had so many requests. */
  requested(tool: string, count: number): Promise<void>
  close(): Promise<void>
}

/** What a request of a tool is answered with. */
export interface MeteredAnswer {
  /** Which request of the tool it was, from 1. */
  readonly request: number
  readonly echo: unknown
}

export async function startMeteredService(): Promise<MeteredService> {
  const requests = new Map<string, (string | undefined)[]>()
  const held = new Map<string, Promise<void>>()
  const broken = new Set<string>()
  const listeners = new Set<() => void>()
  const count = (tool: string) => requests.get(tool)?.length ?? 0
  const server = createServer(async (request, response) => {
    const tool = decodeURIComponent((request.url ?? "").split("/").at(-1) ?? "")
    const echo = await bodyOf(request)
    const key = request.headers["idempotency-key"]
    requests.set(tool, [...(requests.get(tool) ?? []), Array.isArray(key) ? key[0] : key])
    const answer: MeteredAnswer = { request: count(tool), echo }
    for (const listener of [...listeners]) listener()
    await held.get(tool)
    response.writeHead(broken.has(tool) ? 500 : 200, { "content-type": "application/json" })
    response.end(JSON.stringify(answer))
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count,
    keys: (tool) => requests.get(tool) ?? [],
    hold(tool) {
      const { promise, resolve } = Promise.withResolvers<void>()
      held.set(tool, promise)
      return () => {
        held.delete(tool)
        resolve()
      }
    },
    break: (tool) => void broken.add(tool),
    requested: (tool, wanted) =>
      new Promise((resolve) => {
        const look = () => {
          if (count(tool) < wanted) return
          listeners.delete(look)
          resolve()
        }
        listeners.add(look)
        look()
      }),
    async close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Calls a tool of the service, as a paid tool does. Throws where it answers with an error. */
export async function callMetered(
  url: string,
  tool: string,
  args: unknown,
  idempotencyKey?: string,
): Promise<MeteredAnswer> {
  const headers = idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }
  const body = JSON.stringify(args ?? null)
  const response = await fetch(`${url}/${encodeURIComponent(tool)}`, { method: "POST", headers, body })
  if (!response.ok) throw new Error(`${tool} answered ${response.status}`)
  return (await response.json()) as MeteredAnswer
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = ""
  for await (const chunk of request) text += String(chunk)
  return text === "" ? null : JSON.parse(text)
}
