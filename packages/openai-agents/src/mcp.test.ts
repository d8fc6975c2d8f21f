import assert from "node:assert/strict"
import { fileURLToPath } from "node:url"
import { testWallet } from "@nornr/core/testing"
import { Agent, getAllMcpTools, MCPServerStdio, RunState, run } from "@openai/agents"
import { assistantMessage, functionCall, ScriptedModel } from "@openai/agents/testing"
import { describe, onTestFinished, test } from "vitest"
import { type AnyTool, outputsOf } from "../test/agent-app.ts"
import { decisionOf, governedMcpTools, governedTool, pendingDecisions } from "./index.ts"

async function crawler(name = "crawler"): Promise<MCPServerStdio> {
  const script = fileURLToPath(new URL("../test/workers/crawler.ts", import.meta.url))
  const server = new MCPServerStdio({ name, command: process.execPath, args: [script], cacheToolsList: true })
  await server.connect()
  onTestFinished(() => server.close())
  return server
}

const terms = { crawl: { amount: ({ pages }: { pages: number }) => pages * 0.01, to: "crawler.example" } }
const scope = () => "t"

const agentOf = (tools: AnyTool[], calls: ReturnType<typeof call>[] = []) =>
  new Agent({
    name: "agent",
    tools,
    model: new ScriptedModel(
      calls.length === 0 ? [[assistantMessage("Done.")]] : [calls, [assistantMessage("Done.")]],
    ),
  })

const call = (name: string, args: object, callId: string) => functionCall(name, args as never, { callId })

const textsOf = (result: Parameters<typeof outputsOf>[0]) =>
  outputsOf(result).map(({ output }) => (output as { text?: string }).text ?? output)

describe("Tools of a local MCP server", () => {
  test("wait for a reviewer, run once, and carry their decision; free ones are left as they are", async () => {
    const server = await crawler()
    const { wallet, desk } = await testWallet({ dailyLimit: 50, requireApprovalAbove: 20 })
    const tools = await governedMcpTools(server, { wallet, terms, scope })
    const calls = [
      call("crawl", { pages: 100 }, "c1"),
      call("crawl", { pages: 3000 }, "c2"),
      call("ping", {}, "c3"),
    ]
    const paused = await run(agentOf(tools, calls), "go")
    const [queued] = pendingDecisions(paused)
    assert.equal(queued?.amount, "30.00")
    await desk.approve(queued?.id as string)
    const resuming = agentOf(tools)
    const done = await run(resuming, await RunState.fromString(resuming, paused.state.toString()))
    assert.deepEqual(textsOf(done).sort(), ["100 pages, crawl 1", "3000 pages, crawl 2", "pong"])
    const settled = outputsOf(done).map((item) => decisionOf(item)?.execution.settled)
    assert.deepEqual(settled.sort(), ["1.00", "30.00", undefined])
  })

  test("are those of several servers, by the names that the SDK gives them", async () => {
    const servers = [await crawler("near"), await crawler("far")]
    const { wallet } = await testWallet({ dailyLimit: 50 })
    const list = { includeServerInToolNames: true }
    const bare = await getAllMcpTools({ mcpServers: servers, ...list })
    const crawls = bare.map(({ name }) => name).filter((name) => name.includes("crawl"))
    assert.equal(crawls.length, 2)
    const all = Object.fromEntries(crawls.map((name) => [name, terms.crawl]))
    const tools = await governedMcpTools(servers, { wallet, terms: all, scope, list })
    const calls = crawls.map((name, index) => call(name, { pages: 100 }, `c${index}`))
    const end = await run(agentOf(tools, calls), "go")
    assert.deepEqual(
      outputsOf(end).map((item) => decisionOf(item)?.execution.settled),
      ["1.00", "1.00"],
    )
    await assert.rejects(governedMcpTools(undefined as never, { wallet, terms: {} }), /no MCP server/)
  })

  test("fail as they fail bare", async () => {
    const server = await crawler()
    const { wallet } = await testWallet({ dailyLimit: 50 })
    const tools = await governedMcpTools([server], { wallet, terms, scope })
    const calls = () => [call("crawl", { pages: 13 }, "c1")]
    const bare = (await getAllMcpTools({ mcpServers: [server] })) as AnyTool[]
    const [governed, plain] = [
      await run(agentOf(tools, calls()), "go"),
      await run(agentOf(bare, calls()), "go"),
    ]
    assert.deepEqual(textsOf(governed), textsOf(plain))
  })

  test("are refused by a name that the server does not have", async () => {
    const server = await crawler()
    const { wallet } = await testWallet()
    await assert.rejects(
      governedMcpTools(server, { wallet, terms: { crwl: terms.crawl } }),
      /terms\.crwl names no tool.*The tools are: crawl, ping/,
    )
  })
})

describe("A run that was paused before its MCP tool was under terms", () => {
  const waiting = async (server: MCPServerStdio) => {
    const bare = (await getAllMcpTools({ mcpServers: [server] })) as AnyTool[]
    const asking = bare.map((tool) => ({ ...tool, needsApproval: async () => true }))
    return (await run(agentOf(asking, [call("crawl", { pages: 100 }, "c1")]), "go")).state.toString()
  }

  test("resumes after it is: the tool keeps the server that the state knows", async () => {
    const server = await crawler()
    const { wallet } = await testWallet({ dailyLimit: 50 })
    const saved = await waiting(server)
    const agent = agentOf(await governedMcpTools(server, { wallet, terms, scope }))
    const done = await run(agent, await RunState.fromString(agent, saved))
    assert.deepEqual(textsOf(done), ["100 pages, crawl 1"])
    assert.equal(decisionOf(outputsOf(done)[0])?.execution.settled, "1.00")
  })

  test("resumes with another server as little as it does bare", async () => {
    const saved = await waiting(await crawler())
    const { wallet } = await testWallet({ dailyLimit: 50 })
    const other = await crawler("another crawler")
    const bare = agentOf((await getAllMcpTools({ mcpServers: [other] })) as AnyTool[])
    const refused = await RunState.fromString(bare, saved)
      .then((state) => run(bare, state))
      .then(() => "ran", String)
    const agent = agentOf(await governedMcpTools(other, { wallet, terms, scope }))
    const said = await RunState.fromString(agent, saved)
      .then((state) => run(agent, state))
      .then(() => "ran", String)
    assert.equal(said, refused)
  })

  test("resumes with tools that are wrapped one by one, too", async () => {
    const server = await crawler()
    const { wallet } = await testWallet({ dailyLimit: 50 })
    const saved = await waiting(server)
    const bare = (await getAllMcpTools({ mcpServers: [server] })) as AnyTool[]
    const tools = bare.map((tool) =>
      tool.name === "crawl" ? governedTool(tool, { wallet, scope, ...terms.crawl }) : tool,
    )
    const agent = agentOf(tools)
    const done = await run(agent, await RunState.fromString(agent, saved))
    assert.equal(decisionOf(outputsOf(done)[0])?.execution.settled, "1.00")
  })
})
