import assert from "node:assert/strict"
import { type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages"
import { Command, MemorySaver } from "@langchain/langgraph"
import { createAgent, createMiddleware, humanInTheLoopMiddleware, tool } from "langchain"
import { describe, test } from "vitest"
import { z } from "zod"
import { at, fails, messageOf, retry, say, stageOf } from "../test/agent-stage.ts"
import { ScriptModel, script } from "../test/script-model.ts"
import { decisionOf, governedTool, pendingDecisions, resumeCommand, walletMiddleware } from "./index.ts"

describe("The wallet middleware", () => {
  test("outside a retry pauses the run, and the tool runs once when it is approved", async () => {
    const { agentWith, gate, desk, counted } = await stageOf()
    const agent = agentWith(gate, retry())
    const [decision] = pendingDecisions(await agent.invoke(say(30), at))
    assert(decision !== undefined)
    await desk.approve(decision)
    const command = await resumeCommand(agent, at)
    assert(command !== undefined)
    const done = await agent.invoke(command, at)
    assert.equal(messageOf(done).text, "run 1")
    assert.equal(counted.runs, 1)
  })

  test("outside a retry runs a failing tool once, keeps its hold, and shows what the retry makes of it", async () => {
    const { agentWith, gate, desk, counted } = await stageOf(fails)
    const message = messageOf(await agentWith(gate, retry()).invoke(say(5), at))
    assert.equal(counted.runs, 1)
    assert.match(message.text, /failed after 3 attempts/)
    assert.equal(decisionOf(message)?.execution.state, "failed")
    assert.equal((await desk.failed()).length, 1)
  })

  test("lets a tool that is idempotent be tried again under one decision", async () => {
    const stage = await stageOf((run) => (run < 3 ? fails() : `run ${run}`))
    const gate = walletMiddleware({
      wallet: stage.wallet,
      tools: { buy: { ...stage.terms, idempotent: true } as never },
    })
    const message = messageOf(await stage.agentWith(gate, retry()).invoke(say(5), at))
    assert.equal(message.text, "run 3")
    assert.equal(decisionOf(message)?.execution.settled, "5.00")
    assert.equal((await stage.wallet.balance()).limits[0]?.settled, "5.00")
  })

  test("inside a retry runs nothing unapproved, and a failing tool once", async () => {
    const paused = await stageOf()
    const agent = paused.agentWith(retry(), paused.gate)
    await agent.invoke(say(30), at)
    assert.equal(paused.counted.runs, 0)
    assert.equal((await paused.desk.pending()).length, 1)
    const failing = await stageOf(fails)
    await failing.agentWith(retry(), failing.gate).invoke(say(5), at)
    assert.equal(failing.counted.runs, 1)
  })

  test("beside a review of the framework believes the ledger alone", async () => {
    const { agentWith, gate, desk, counted } = await stageOf()
    const hitl = humanInTheLoopMiddleware({ interruptOn: { buy: true } } as never)
    const agent = agentWith(gate, hitl)
    await agent.invoke(say(30), at)
    const yes = { decisions: [{ type: "approve" as const }] }
    const waiting = await agent.invoke(new Command({ resume: yes }), at)
    await agent.invoke(new Command({ resume: yes }), at)
    assert.equal(counted.runs, 0)
    const [decision] = pendingDecisions(waiting)
    assert(decision !== undefined)
    await desk.approve(decision)
    const command = await resumeCommand(agent, at)
    assert(command !== undefined)
    assert.equal(messageOf(await agent.invoke(command, at)).text, "run 1")
  })

  test("asks for the arguments that a person has edited, not for those that the model wrote", async () => {
    const { agentWith, gate, counted } = await stageOf()
    const agent = agentWith(gate, humanInTheLoopMiddleware({ interruptOn: { buy: true } } as never))
    await agent.invoke(say(30), at)
    const editedAction = { name: "buy", args: { price: 7 } }
    const edit = { decisions: [{ type: "edit" as const, editedAction }] }
    const done = await agent.invoke(new Command({ resume: edit }), at)
    assert.equal(decisionOf(messageOf(done))?.amount, "7.00")
    assert.equal(counted.runs, 1)
  })

  test("over a governed tool is refused: its terms would be another's", async () => {
    const { wallet, buy, terms, gate, counted } = await stageOf()
    const tools = [governedTool(buy, { ...terms, wallet })]
    const agent = createAgent({ model: new ScriptModel(), tools, middleware: [gate] })
    await assert.rejects(
      agent.invoke(say(5)),
      /tools\.buy gives terms to a tool that governedTool has put under terms/,
    )
    assert.equal(counted.runs, 0)
  })

  test("leaves the error of a tool that it does not govern a message, as it is without middleware", async () => {
    const { agentWith, gate } = await stageOf()
    const bare = messageOf(await agentWith().invoke(say(5, "free"), { configurable: { thread_id: "bare" } }))
    const message = messageOf(await agentWith(gate).invoke(say(5, "free"), at))
    assert.equal(message.text, bare.text)
    assert.match(message.text, /no such page/)
  })

  test("lets another middleware's own failure end the run", async () => {
    const { agentWith, gate, counted } = await stageOf()
    const broken = createMiddleware({
      name: "Broken",
      wrapToolCall: () => Promise.reject(new Error("misconfigured")),
    })
    await assert.rejects(agentWith(gate, broken).invoke(say(5), at), /misconfigured/)
    assert.equal(counted.runs, 0)
  })

  test("charges nothing for a tool that another middleware answers for, or calls with other arguments", async () => {
    const { agentWith, gate, wallet, counted } = await stageOf()
    const answer = new ToolMessage({ content: "not today", tool_call_id: "c1", status: "error" })
    const guard = createMiddleware({ name: "Guard", wrapToolCall: async () => answer })
    const guarded = messageOf(await agentWith(gate, guard).invoke(say(7), at))
    assert.equal(guarded.text, "not today")
    assert.equal(decisionOf(guarded)?.execution.state, "released")
    const edits = createMiddleware({
      name: "Edits",
      wrapToolCall: (request, handler) =>
        handler({ ...request, toolCall: { ...request.toolCall, args: { price: 1 } } }),
    })
    const edited = messageOf(
      await agentWith(gate, edits).invoke(say(7), { configurable: { thread_id: "edited" } }),
    )
    assert.match(edited.text, /Not run, nothing charged.*other arguments/)
    assert.equal(counted.runs, 0)
    const [daily] = (await wallet.balance()).limits
    assert.deepEqual([daily?.held, daily?.settled], ["0.00", "0.00"])
  })

  test("runs no agent whose tools it does not find by the names that it was given", async () => {
    const stage = await stageOf()
    const gate = walletMiddleware({ wallet: stage.wallet, tools: { bye: stage.terms as never } })
    await assert.rejects(
      stage.agentWith(gate).invoke(say(5), at),
      /tools\.bye names no tool.*The tools are: buy, free/,
    )
    assert.equal(stage.counted.runs, 0)
  })

  test("runs no tool of its names that another middleware brings in, without terms", async () => {
    const { buy, gate, counted } = await stageOf()
    const tells = createMiddleware({
      name: "Tells",
      wrapModelCall: (request, handler) => handler({ ...request, tools: [...request.tools, buy] }),
    })
    const brings = createMiddleware({
      name: "Brings",
      wrapToolCall: (request, handler) => handler({ ...request, tool: buy }),
    })
    const agent = createAgent({ model: new ScriptModel(), tools: [], middleware: [tells, gate, brings] })
    await agent.invoke(say(5)).catch(() => undefined)
    const without = createAgent({ model: new ScriptModel(), tools: [], middleware: [gate, tells, brings] })
    await assert.rejects(without.invoke(say(5)), /tools\.buy names no tool/)
    assert.equal(counted.runs, 0)
  })

  test("lets what waits in an agent wait, though another that it asks is handed its messages", async () => {
    const { buy, gate, desk, counted } = await stageOf()
    const helper = createAgent({ model: new ScriptModel(), tools: [buy], middleware: [gate] })
    const ask = tool(
      async (_args, config) => {
        await desk.pending()
        const { state } = config as unknown as { state: { messages: BaseMessage[] } }
        const { messages } = await helper.invoke({
          messages: [...state.messages, new HumanMessage("help")],
        })
        return String(messages.at(-1)?.content)
      },
      { name: "ask", description: "d", schema: z.object({}) },
    )
    const agent = createAgent({
      model: new ScriptModel(),
      tools: [buy, ask],
      middleware: [gate],
      checkpointer: new MemorySaver(),
    })
    const calls = [
      { id: "c1", name: "buy", args: { price: 30 } },
      { id: "c2", name: "ask", args: {} },
    ]
    await agent.invoke({ messages: [script(calls)] }, at)
    const [waiting] = await desk.pending()
    await desk.approve(waiting as never)
    const command = await resumeCommand(agent, at)
    assert(command !== undefined)
    await agent.invoke(command, at)
    assert.equal(counted.runs, 1)
  })

  test("gives back what it held for arguments that a middleware in between has spoilt", async () => {
    const { agentWith, gate, wallet, counted } = await stageOf()
    const spoils = createMiddleware({
      name: "Spoils",
      wrapToolCall: (request, handler) =>
        handler({ ...request, toolCall: { ...request.toolCall, args: { price: "seven" } } }),
    })
    const message = messageOf(await agentWith(gate, spoils).invoke(say(7), at))
    assert.equal(message.status, "error")
    assert.equal(counted.runs, 0)
    assert.equal((await wallet.balance()).limits[0]?.held, "0.00")
  })

  test("refuses options that govern nothing, or that it does not know", async () => {
    const { wallet } = await stageOf()
    assert.throws(() => walletMiddleware({ wallet }), /nothing to govern/)
    assert.throws(() => walletMiddleware({ wallet, tool: {} } as never), /tool is not a known name/)
    assert.throws(
      () => walletMiddleware({ wallet, tools: { buy: { amount: 1 } } } as never),
      /tools\.buy\.to is undefined/,
    )
  })

  test("cancels what a new message of the user has left waiting, and only that", async () => {
    const { agentWith, gate, desk } = await stageOf()
    const agent = agentWith(gate)
    await agent.invoke(say(22), at)
    await agent.invoke(say(21), { configurable: { thread_id: "other" } })
    await agent.invoke({ messages: ["Never mind.", "Really."].map((said) => new HumanMessage(said)) }, at)
    assert.deepEqual(
      (await desk.pending()).map(({ amount }) => amount),
      ["21.00"],
    )
  })
})
