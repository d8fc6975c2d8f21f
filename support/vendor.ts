// A vendor on loopback that sells what it is asked for and counts it: the witness of what was really bought.
import assert from "node:assert/strict"
import { once } from "node:events"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { isReal } from "./provider.ts"

export interface Vendor {
  readonly url: string
  /** What was bought, in order. */
  readonly sold: readonly string[]
  close(): void
}

export async function startVendor(): Promise<Vendor> {
  const sold: string[] = []
  const server = createServer(async (request, response) => {
    const item = await textOf(request)
    sold.push(item)
    response.end(`${item}, delivered as no. ${sold.length}`)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sold, close }
}

/** Says what was bought: by the scripted model exactly this, by a real one what it wants, nothing twice. */
export function requireSold({ sold }: Vendor, expected: readonly string[]): void {
  process.stdout.write(`  the vendor has sold: ${sold.join(", ")}\n`)
  if (isReal) assert.equal(new Set(sold).size, sold.length)
  else assert.deepEqual(sold, expected)
}

/** Buys from the vendor that SERVICE_URL names; the key makes a repeat known to it. */
export async function buy(item: string, idempotencyKey?: string): Promise<string> {
  const headers = { "idempotency-key": idempotencyKey ?? "none" }
  const response = await fetch(process.env["SERVICE_URL"] ?? "", { method: "POST", headers, body: item })
  if (!response.ok) throw new Error(`the vendor answered ${response.status}`)
  return response.text()
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ""
  for await (const chunk of request) text += String(chunk)
  return text
}
