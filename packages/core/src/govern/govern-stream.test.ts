import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { call, soundly, terms, used } from "../../test/stage.ts"
import { testWallet } from "../testing/index.ts"
import { currentSpend } from "./current-spend.ts"
import { governedStream } from "./governed.ts"
import type { Outcome } from "./outcome.ts"

interface Read<T> {
  readonly chunks: readonly unknown[]
  readonly outcome: Outcome<T>
}

async function readAll<T>(stream: AsyncGenerator<unknown, Outcome<T>, undefined>): Promise<Read<T>> {
  const chunks: unknown[] = []
  for (;;) {
    const step = await stream.next()
    if (step.done) return { chunks, outcome: step.value }
    chunks.push(step.value)
  }
}

/** Counts up, and notes how often it was started and closed. */
function counting(end: () => unknown = () => "end") {
  const tool = {
    started: 0,
    closed: 0,
    async *run(): AsyncGenerator<number, unknown, undefined> {
      tool.started++
      try {
        for (const chunk of [1, 2, 3]) {
          assert(currentSpend() !== undefined)
          yield chunk
        }
        return end()
      } finally {
        tool.closed++
      }
    },
  }
  return tool
}

describe("a governed stream", () => {
  test("claims at the first next(), passes chunks through and settles at its end", async () => {
    const stage = await testWallet(terms)
    const tool = counting()
    const stream = stage.wallet.governStream(call, tool.run)
    assert.equal(await stage.wallet.decision(call.key), undefined)
    const { chunks, outcome } = await readAll(stream)
    assert.deepEqual(chunks, [1, 2, 3])
    assert(outcome.status === "done")
    assert.deepEqual([outcome.result, outcome.decision.execution.state], ["end", "settled"])
    await soundly(stage)
  })

  test("is not run again: a replay gives the value that it returned", async () => {
    const { wallet } = await testWallet(terms)
    const tool = counting()
    await readAll(wallet.governStream(call, tool.run))
    const { chunks, outcome } = await readAll(wallet.governStream(call, tool.run))
    assert(outcome.status === "done")
    assert.deepEqual([chunks, outcome.result, tool.started], [[], "end", 1])
  })

  test("that returned nothing replays its last chunk", async () => {
    const { wallet } = await testWallet(terms)
    const tool = counting(() => undefined)
    const first = await readAll(wallet.governStream(call, tool.run))
    assert(first.outcome.status === "done" && first.outcome.result === undefined)
    const { chunks } = await readAll(wallet.governStream(call, tool.run))
    assert.deepEqual([chunks, tool.started], [[3], 1])
  })

  test("that is abandoned is closed, has failed, and keeps its hold", async () => {
    const stage = await testWallet(terms)
    const tool = counting()
    for await (const chunk of stage.wallet.governStream(call, tool.run)) if (chunk === 2) break
    assert.equal(tool.closed, 1)
    assert.deepEqual(await used(stage), ["5.00", "0.00"])
    const [failed] = await stage.desk.failed()
    assert.equal(failed?.idempotencyKey, call.key)
    await soundly(stage)
  })

  test("that throws has failed, with what it threw", async () => {
    const stage = await testWallet(terms)
    const tool = counting(() => {
      throw new Error("cut off")
    })
    const { chunks, outcome } = await readAll(stage.wallet.governStream(call, tool.run))
    assert(outcome.status === "failed")
    assert.deepEqual([chunks.length, outcome.message], [3, "cut off"])
    await soundly(stage)
  })

  test("that may not run yields nothing and gives the refusal", async () => {
    const { wallet } = await testWallet(terms)
    const tool = counting()
    for (const [amount, status] of [
      [30, "queued"],
      [60, "rejected"],
    ] as const) {
      const { chunks, outcome } = await readAll(
        wallet.governStream({ ...call, key: status, amount }, tool.run),
      )
      assert.deepEqual([chunks, outcome.status, tool.started], [[], status, 0])
    }
  })

  test("inside the run of the same call passes straight through, once", async () => {
    const stage = await testWallet(terms)
    const tool = counting()
    const { chunks, outcome } = await readAll(
      stage.wallet.governStream(call, () => {
        const inner = stage.wallet.governStream(call, tool.run)
        return inner
      }),
    )
    assert(outcome.status === "done")
    assert.deepEqual([chunks, tool.started], [[1, 2, 3], 1])
    assert.deepEqual(await used(stage), ["0.00", "5.00"])
  })

  test("comes from any async generator function, under terms", async () => {
    const { wallet } = await testWallet(terms)
    const count = governedStream(
      async function* ({ to }: { readonly to: number }) {
        for (let chunk = 1; chunk <= to; chunk++) yield chunk
        return to
      },
      {
        name: "count",
        wallet,
        amount: ({ to }) => to,
        to: "counter.example",
        charged: (result) => result / 2,
      },
    )
    const { chunks, outcome } = await readAll(count({ to: 4 }, { key: "k", thread: "t", agent: "a" }))
    assert.deepEqual([chunks, outcome.decision.execution.settled], [[1, 2, 3, 4], "2.00"])
    assert.deepEqual(
      [outcome.decision.idempotencyKey, outcome.decision.run],
      ["t/k", { thread: "t", agent: "a", tool: "count" }],
    )
  })
})
