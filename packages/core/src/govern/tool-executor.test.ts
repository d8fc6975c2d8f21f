import assert from "node:assert/strict"
import { describe, test } from "vitest"
import {
  type AdapterApp,
  type ContractCall,
  type ContractStorage,
  type ContractTool,
  type Turn,
  testAdapter,
} from "../contracts/index.ts"
import { testWallet } from "../testing/index.ts"
import { createToolExecutor, type Executed } from "./tool-executor.ts"

/** A hand-written loop: it keeps the calls of each conversation as JSON and executes them again to resume. */
async function startLoop(tools: readonly ContractTool[], saved: ContractStorage): Promise<AdapterApp> {
  const [first] = tools
  assert(first !== undefined)
  const entries = tools.map(({ name, execute, terms }) => [name, { execute, terms: withoutWallet(terms) }])
  const executor = createToolExecutor({
    wallet: first.terms.wallet,
    tools: Object.fromEntries(entries) as Record<string, { execute: ContractTool["execute"]; terms: never }>,
  })
  const bare = createToolExecutor({
    wallet: first.terms.wallet,
    tools: Object.fromEntries(tools.map(({ name, execute }) => [name, { execute }])),
  })
  const run = async (thread: string, calls: readonly ContractCall[], loop = executor): Promise<Turn> => {
    saved.set(thread, JSON.stringify(calls))
    return turnOf(await loop.execute(calls, { thread }))
  }
  const resume = (thread: string) => run(thread, JSON.parse(saved.get(thread) ?? "[]") as ContractCall[])
  return {
    call: run,
    resume: (thread) => resume(saved.get(`nested ${thread}`) ?? thread),
    callBare: (thread, calls) => run(thread, calls, bare),
    async callNested(thread, calls) {
      saved.set(`nested ${thread}`, `${thread}/buyer`)
      return run(`${thread}/buyer`, calls)
    },
    async newTurn(thread) {
      saved.set(thread, "[]")
    },
  }
}

function withoutWallet({ wallet: _wallet, ...terms }: ContractTool["terms"]) {
  return terms
}

function turnOf(executed: readonly Executed[]): Turn {
  const results = executed.map((each) => {
    const text = each.status === "done" ? String(each.result) : each.message
    return [each.call.id, { text, isError: each.status !== "done", decision: each.decision }]
  })
  const paused = executed.some(({ status }) => status === "queued")
  return { paused, results: Object.fromEntries(results), modelCalls: 0 }
}

describe("a tool executor", () => {
  testAdapter({
    test,
    start: startLoop,
    skip: {
      "runs nothing on the framework's own yes": "a hand-written loop has no approvals of its own",
      "holds nothing for a call that its schema refuses": "the executor has no schemas",
      "streams, calls back and reaches state as the bare tool does": "a hand-written loop has none of these",
      "refuses a call that would have to wait where nothing can be kept, and holds nothing":
        "the key is all that has to be kept: the call stays queued under it",
    },
  })

  test("puts the speaker on the decision of each call, and its budget over it", async () => {
    const { wallet } = await testWallet({ limits: [{ amount: 10, by: "agent" }] })
    const executor = createToolExecutor({
      wallet,
      tools: { buy: { execute: async () => "ok", terms: { amount: 6, to: "shop.example" } } },
    })
    const calls = ["ana", "bob", "ana"].map((agent, index) => ({
      id: `c${index}`,
      name: "buy",
      args: {},
      agent,
    }))
    const executed = await executor.execute(calls, { thread: "t" })
    assert.deepEqual(
      executed.map(({ status, decision }) => [decision?.run.agent, decision?.run.call, status]),
      [
        ["ana", "c0", "done"],
        ["bob", "c1", "done"],
        ["ana", "c2", "rejected"],
      ],
    )
  })

  test("gives each call its own answer: unknown tools, calls without an id, tools that throw", async () => {
    const { wallet } = await testWallet()
    const executor = createToolExecutor({
      wallet,
      tools: {
        free: { execute: (args: unknown) => args },
        broken: {
          execute: async () => {
            throw new Error("no luck")
          },
        },
        buy: { execute: async () => "ok", terms: { amount: 1, to: "shop.example" } },
      },
    })
    const calls = [
      { id: "1", name: "free", args: { a: 1 } },
      { id: "2", name: "toString", args: {} },
      { id: "", name: "buy", args: {} },
      { id: "4", name: "broken", args: {} },
      { id: "5", name: "buy", args: { at: new Date() } },
      { id: "6", name: "buy", args: {} },
    ]
    const executed = await executor.execute(calls, { thread: "t" })
    assert.deepEqual(
      executed.map(({ status }) => status),
      ["done", "failed", "failed", "failed", "failed", "done"],
    )
    const said = executed.map((each) => (each.status === "done" ? "" : each.message))
    assert.match(
      said[1] ?? "",
      /^Not run, nothing charged: There is no tool "toString"\. The executor has: free/,
    )
    assert.match(said[2] ?? "", /calls\[2\]\.id is ""/)
    assert.equal(said[3], "no luck")
    assert.match(said[4] ?? "", /args holds 2/)
    assert.equal((await wallet.balance()).limits[0]?.settled, "1.00")
  })

  test("follows the call with its wallet: one executor, many customers", async () => {
    const [ana, bob] = await Promise.all([testWallet({ owner: "ana" }), testWallet({ owner: "bob" })])
    const executor = createToolExecutor({
      wallet: async ({ context, tool, thread, agent }) => {
        assert.deepEqual([tool, thread, agent], ["buy", "t", "seller"])
        return context === "ana" ? ana.wallet : bob.wallet
      },
      tools: { buy: { execute: async () => "ok", terms: { amount: 2, to: "shop.example" } } },
    })
    const calls = [{ id: "1", name: "buy", args: {}, agent: "seller" }]
    await executor.execute(calls, { thread: "t", context: "ana" })
    const [done] = await executor.execute(calls, { thread: "t", context: "bob" })
    assert.equal(done?.decision?.receipt.wallet, "bob")
    for (const { wallet } of [ana, bob]) assert.equal((await wallet.balance()).limits[0]?.settled, "2.00")
  })

  test("runs nothing where its wallet cannot be had", async () => {
    let ran = 0
    const executor = createToolExecutor({
      wallet: () => Promise.reject(new Error("no configuration")),
      tools: { buy: { execute: async () => ran++, terms: { amount: 2, to: "shop.example" } } },
    })
    const [failed] = await executor.execute([{ id: "1", name: "buy", args: {} }], { thread: "t" })
    assert(failed?.status === "failed")
    assert.equal(
      failed.message,
      "Not run, nothing charged: There is no wallet: no configuration. Nothing was asked and nothing ran; mend what gives the wallet.",
    )
    assert.equal(ran, 0)
  })

  test("refuses bad terms and bad lists where they are given", async () => {
    const { wallet } = await testWallet()
    const make = (tool: unknown) => () => createToolExecutor({ wallet, tools: { buy: tool as never } })
    const execute = async () => "ok"
    assert.throws(make({ terms: {} }), /tools\.buy\.execute is undefined/)
    assert.throws(make({ execute, terms: { to: "x" } }), /amount is undefined/)
    assert.throws(make({ execute, terms: { amount: -1, to: "x" } }), { code: "invalid_amount" })
    assert.throws(make({ execute, terms: { amount: 1 } }), /to is undefined/)
    assert.throws(make({ execute, terms: { amount: 1, to: "x", onError: "retry" } }), /onError is "retry"/)
    assert.throws(make({ execute, terms: { amount: 1, to: "x", price: 2 } }), /price is not a known name/)
    assert.throws(() => createToolExecutor({ wallet: undefined as never, tools: {} }), /wallet is undefined/)
    const executor = createToolExecutor({ wallet, tools: {} })
    await assert.rejects(executor.execute({} as never, { thread: "t" }), /The calls are/)
    await assert.rejects(executor.execute([], {} as never), /thread is undefined/)
  })
})
