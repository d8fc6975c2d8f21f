import assert from "node:assert/strict"
import { testWallet } from "@nornr/core/testing"
import { Agent, type HostedMCPTool, hostedMcpTool, RunState, run } from "@openai/agents"
import { assistantMessage, ScriptedModel } from "@openai/agents/testing"
import { describe, test } from "vitest"
import { governedTool, governedTools } from "./index.ts"

const hosted = (more: object = {}) =>
  hostedMcpTool({
    serverLabel: "shop",
    serverUrl: "https://shop.example/mcp",
    requireApproval: "always",
    ...more,
  })

/** The provider asks before it calls a tool of the server. */
const asking = (id: string, price: number) => ({
  type: "hosted_tool_call",
  id,
  name: "buy",
  arguments: JSON.stringify({ price }),
  status: "in_progress",
  providerData: {
    type: "mcp_approval_request",
    id,
    server_label: "shop",
    name: "buy",
    arguments: JSON.stringify({ price }),
  },
})

/** What the run answers to what the provider asks. */
async function answers(tool: HostedMCPTool, requests: readonly ReturnType<typeof asking>[]) {
  const model = new ScriptedModel([requests as never, [assistantMessage("Done.")]])
  await run(new Agent({ name: "agent", model, tools: [tool] }), "go")
  const input = model.calls.at(-1)?.request.input as readonly { name?: string; providerData?: object }[]
  return input
    .filter(({ name }) => name === "mcp_approval_response")
    .map(({ providerData }) => providerData as { approve: boolean; reason?: string; nornr?: unknown })
}

describe("A hosted MCP server", () => {
  test("is let call what the wallet approves, settled at its hold, and is told why it may not call the rest", async () => {
    const { wallet, desk } = await testWallet({ dailyLimit: 50, requireApprovalAbove: 20 })
    const terms = {
      wallet,
      amount: ({ args }: { args: { price: number } }) => args.price,
      to: "shop.example",
      scope: () => "t",
    }
    const tool = governedTool(hosted(), terms)
    const [first, second, third] = await answers(tool, [asking("m1", 5), asking("m2", 30), asking("m3", 60)])
    assert.equal(first?.approve, true)
    assert.equal(second?.approve, false)
    assert.match(second?.reason ?? "", /a call that the provider makes cannot wait for one.*governedMcpTools/)
    assert.match(third?.reason ?? "", /^Not run, nothing charged\. Daily limit/)
    const [daily] = (await wallet.balance()).limits
    assert.deepEqual([daily?.settled, daily?.held], ["5.00", "0.00"])
    assert.deepEqual(await desk.pending(), [])
    assert(!JSON.stringify([first, second, third]).includes("nornr"))
  })

  test("is asked by its owner, too, and first", async () => {
    const { wallet } = await testWallet({ dailyLimit: 50 })
    const onApproval = async () => ({ approve: false, reason: "not on Sundays" })
    const tool = governedTool(hosted({ onApproval }), {
      wallet,
      amount: 1,
      to: "shop.example",
      scope: () => "t",
    })
    const [answer] = await answers(tool, [asking("m1", 5)])
    assert.equal(answer?.reason, "not on Sundays")
    assert.equal((await wallet.balance()).limits[0]?.settled, "0.00")
  })

  test("may not call what its owner does not say yes to, nor with arguments that are no JSON", async () => {
    const { wallet } = await testWallet({ dailyLimit: 50 })
    const terms = { wallet, amount: 1, to: "shop.example", scope: () => "t" }
    const [silent] = await answers(governedTool(hosted({ onApproval: async () => ({}) }), terms), [
      asking("m1", 5),
    ])
    assert.notEqual(silent?.approve, true)
    const yes = governedTool(hosted({ onApproval: async () => ({ approve: true }) }), {
      ...terms,
      amount: 60,
    })
    assert.match(
      (await answers(yes, [asking("m2", 5)]))[0]?.reason ?? "",
      /^Not run, nothing charged\. Daily limit/,
    )
    const broken = asking("m1", 5)
    const request = { ...broken, arguments: "{", providerData: { ...broken.providerData, arguments: "{" } }
    const [answer] = await answers(governedTool(hosted(), terms), [request])
    assert.match(answer?.reason ?? "", /^Not run, nothing charged: The arguments of buy are no JSON/)
    assert.equal((await wallet.balance()).limits[0]?.settled, "0.00")
  })

  test("that was paused before it was under terms is asked for when the run is resumed", async () => {
    const { wallet } = await testWallet({ dailyLimit: 50 })
    const agentOf = (tool: HostedMCPTool, model: ScriptedModel) =>
      new Agent({ name: "agent", model, tools: [tool] })
    const bare = agentOf(hosted(), new ScriptedModel([[asking("m1", 5)] as never]))
    const saved = (await run(bare, "go")).state.toString()
    const terms = { wallet, amount: 1, to: "shop.example", scope: () => "t" }
    const agent = agentOf(governedTool(hosted(), terms), new ScriptedModel([[assistantMessage("Done.")]]))
    await run(agent, await RunState.fromString(agent, saved))
    assert.equal((await wallet.balance()).limits[0]?.settled, "1.00")
  })

  test("may not call while the ledger is out of reach", async () => {
    const { wallet, fail } = await testWallet({ dailyLimit: 50 })
    const tool = governedTool(hosted(), { wallet, amount: 1, to: "shop.example", scope: () => "t" })
    fail("ledger_unavailable", { times: 1000 })
    const [answer] = await answers(tool, [asking("m1", 5)])
    fail("ledger_unavailable", { times: 0 })
    assert.match(answer?.reason ?? "", /spending cannot be checked now/)
  })

  test("has to ask before each call, and is known by its label in a list", async () => {
    const { wallet } = await testWallet({ dailyLimit: 50 })
    const terms = { amount: 1, to: "shop.example" }
    assert.throws(() => governedTool(hosted({ requireApproval: "never" }), { wallet, ...terms }), {
      code: "invalid_option",
      message: /"shop" without asking.*requireApproval: "always"/,
    })
    assert.throws(
      () => governedTools([hosted()], { wallet, terms: {} }),
      /"shop" \(hosted_tool\) cannot be governed|hosted_mcp/,
    )
    assert.equal(governedTools([hosted()], { wallet, terms: { shop: terms } }).length, 1)
    assert.equal(governedTools([hosted()], { wallet, terms: {}, allowUngated: ["shop"] }).length, 1)
  })
})
