// A real HTTP service on loopback that prices its tools and counts what it was asked to do: the vendor's side
// of the story, and the demo's witness.
import { once } from "node:events"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

export interface Quote {
  readonly vendor: string
  /** USD. */
  readonly price: number
}

export interface Work {
  readonly result: string
  /** USD. */
  readonly charged: number
}

interface Entry extends Quote {
  /** Left out: it never answers. Null: it fails. */
  readonly result?: string | null
}

const catalogue: Readonly<Record<string, Entry>> = {
  summarise: { vendor: "openai", price: 16, result: "12 reports, summarised on one page" },
  render: { vendor: "render.example", price: 34, result: "a 90-second clip" },
  buy_list: { vendor: "Shady-Data.example", price: 5, result: "9,000 addresses" },
  train: { vendor: "openai", price: 24, result: "a fine-tuned model" },
  archive: { vendor: "vault.example", price: 9 },
  translate: { vendor: "words.example", price: 6, result: null },
}

export async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url)
  if (!response.ok) throw new Error(`the vendor answered ${response.status}`)
  return response.json()
}

export async function startService() {
  const counts = new Map<string, number>()
  const run = (tool: string, { price, result }: Entry, response: ServerResponse) => {
    counts.set(tool, (counts.get(tool) ?? 0) + 1)
    server.emit(`run ${tool}`)
    if (result === null) return response.writeHead(502).end("{}")
    return result === undefined ? response : response.end(JSON.stringify({ result, charged: price }))
  }
  const server = createServer((request, response) => {
    const [, action = "", tool = ""] = (request.url ?? "").split("/")
    const entry = catalogue[tool]
    response.setHeader("content-type", "application/json")
    if (entry === undefined) return response.writeHead(404).end("{}")
    if (action === "run") return run(tool, entry, response)
    return response.end(JSON.stringify({ vendor: entry.vendor, price: entry.price }))
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    counts,
    /** Waits for the next request to run a tool. */
    asked: (tool: string) => once(server, `run ${tool}`),
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
