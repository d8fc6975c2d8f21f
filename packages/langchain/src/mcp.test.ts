import assert from "node:assert/strict"
import { loadMcpTools } from "@langchain/mcp-adapters"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js"
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js"
import { testWallet } from "@nornr/core/testing"
import { describe, test } from "vitest"
import { z } from "zod"
import { decisionOf, governedTools } from "./index.ts"

/** A server with a paid tool and a free one, and the tools that LangChain makes of them. */
async function crawler() {
  const server = new McpServer({ name: "crawler", version: "1.0.0" })
  const runs: number[] = []
  server.registerTool(
    "crawl",
    { description: "crawls", inputSchema: { pages: z.number() } },
    async ({ pages }) => {
      if (pages === 13) return { isError: true, content: [{ type: "text", text: "the site is down" }] }
      runs.push(pages)
      return { content: [{ type: "text", text: `${pages} pages` }] }
    },
  )
  server.registerTool("ping", { description: "pings" }, async () => ({
    content: [{ type: "text", text: "pong" }],
  }))
  const client = new Client({ name: "agent", version: "1.0.0" })
  const [near, far] = InMemoryTransport.createLinkedPair()
  await Promise.all([server.connect(far), client.connect(near)])
  return { tools: await loadMcpTools("crawler", client as never), runs, client }
}

describe("Tools of an MCP server", () => {
  test("are governed by name, from a list that is known at run time alone", async () => {
    const { tools, runs, client } = await crawler()
    const { wallet, desk } = await testWallet({ dailyLimit: 50, requireApprovalAbove: 20 })
    const terms = { crawl: { amount: ({ pages }: { pages: number }) => pages * 0.01, to: "crawler.example" } }
    const governed = governedTools(tools, { wallet, terms })
    const call = async (name: string, args: object) =>
      governed
        .find((tool) => tool.name === name)
        ?.invoke(
          { type: "tool_call", id: `c${JSON.stringify(args)}`, name, args },
          { configurable: { thread_id: "t" } },
        )
    const crawled = await call("crawl", { pages: 100 })
    assert.match(String(crawled.content), /100 pages/)
    assert.equal(decisionOf(crawled)?.execution.settled, "1.00")
    const queued = decisionOf(await call("crawl", { pages: 3000 }))
    assert.equal(queued?.status, "queued")
    await desk.approve(queued as never)
    assert.match(String((await call("crawl", { pages: 3000 })).content), /3000 pages/)
    assert.deepEqual(runs, [100, 3000])
    await assert.rejects(call("crawl", { pages: 13 }), /the site is down/)
    assert.equal((await desk.failed()).length, 1)
    assert.equal(decisionOf(await call("ping", {})), undefined)
    await client.close()
  })

  test("are refused by a name that the server does not have", async () => {
    const { tools, client } = await crawler()
    const { wallet } = await testWallet()
    const terms = { crwl: { amount: 1, to: "crawler.example" } }
    assert.throws(
      () => governedTools(tools, { wallet, terms }),
      /terms\.crwl names no tool.*The tools are: crawl, ping/,
    )
    await client.close()
  })
})
