// An MCP server on standard input and output, with a paid tool and a free one.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js"
import { z } from "zod"

const server = new McpServer({ name: "crawler", version: "1.0.0" })
let crawled = 0

server.registerTool(
  "crawl",
  { description: "crawls", inputSchema: { pages: z.number() } },
  async ({ pages }) => {
    crawled++
    if (pages === 13) throw new Error("the site is down")
    return { content: [{ type: "text", text: `${pages} pages, crawl ${crawled}` }] }
  },
)
server.registerTool("ping", { description: "pings" }, async () => ({
  content: [{ type: "text", text: "pong" }],
}))
await server.connect(new StdioServerTransport())
