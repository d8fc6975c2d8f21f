import assert from "node:assert/strict"
import { join } from "node:path"
import { describe, test } from "vitest"
import { boom, call, terms, turn } from "../../test/stage.ts"
import { temporaryFolder } from "../../test/temporary-folder.ts"
import { testWallet } from "../testing/index.ts"
import { Wallet } from "../wallet/wallet.ts"

describe("closing a wallet", () => {
  test("at any moment of a call waits for the tool, or keeps it from starting", async () => {
    const folder = temporaryFolder()
    for (let ticks = 0; ticks < 40; ticks++) {
      const ledger = join(folder.path, `${ticks}.db`)
      const wallet = await Wallet.create({ owner: "o", dailyLimit: 10, ledger })
      let runs = 0
      const run = async () => {
        runs++
        await turn()
        return "bought"
      }
      const calling = wallet.govern(call, run).then(
        ({ status }) => status,
        (error: unknown) => (error as { code: string }).code,
      )
      for (let tick = 0; tick < ticks; tick++) await null
      await wallet.close()
      const status = await calling
      await using again = await Wallet.connect({ owner: "o", ledger })
      const state = (await again.decision(call.key))?.execution.state
      assert.equal(runs, state === "settled" ? 1 : 0, `after ${ticks} ticks: ${status}, ${state}`)
      assert.notEqual(state, "running")
    }
    folder.remove()
  })

  test("does not wait for ever for a broken ledger, an idle stream or itself", async () => {
    const stage = await testWallet(terms)
    await stage.wallet.govern(call, async () => stage.fail("ledger_unavailable", { times: 1e9 }))
    await stage.wallet.close()

    const other = await testWallet(terms)
    const stream = other.wallet.governStream(call, async function* () {
      yield 1
      yield 2
    })
    await stream.next()
    await other.wallet.close()
    assert.equal((await other.desk.failed()).length, 1)
    const { value } = await stream.next()
    assert.equal((value as { status: string }).status, "failed")

    const third = await testWallet(terms)
    const outcome = await third.wallet.govern(call, () => third.wallet.close())
    assert(outcome.status === "failed")
    assert.match(outcome.message, /cannot close the wallet/)
    await third.wallet.close()
  })
})

describe("closing a wallet under a stream", () => {
  test("waits for the tool at work, and abandons it at its next chunk", async () => {
    for (const ends of [true, false]) {
      const stage = await testWallet(terms)
      const { promise, resolve } = Promise.withResolvers<void>()
      const stream = stage.wallet.governStream(call, async function* () {
        yield 1
        await promise
        if (!ends) yield 2
        return "end"
      })
      await stream.next()
      const next = stream.next()
      const closing = stage.wallet.close()
      await turn()
      resolve()
      const { value } = await next
      await closing
      assert.equal((value as { status: string }).status, ends ? "done" : "failed")
      assert.equal((await stage.desk.failed()).length, ends ? 0 : 1)
      assert.deepEqual(await stage.desk.unknown(), [])
    }
  })

  test("is refused inside a function of the terms, which would wait for itself", async () => {
    const ways = ["amount", "charged", "onError"] as const
    for (const way of ways) {
      const stage = await testWallet(terms)
      let said = ""
      const close = async () => {
        await stage.wallet.close().catch((error: Error) => {
          said = error.message
        })
        return way === "onError" ? "hold" : 1
      }
      await stage.wallet.govern({ ...call, [way]: close }, way === "onError" ? boom : () => "done")
      assert.match(said, /cannot close the wallet/, way)
      await stage.wallet.close()
    }
    const reviewed = await testWallet({
      ...terms,
      review: async () => {
        await reviewed.wallet.close()
        return "approve" as const
      },
    })
    await assert.rejects(
      reviewed.wallet.govern({ ...call, amount: 30 }, () => "done"),
      /cannot close the wallet/,
    )
  })

  test("does not wait for a source that never closes", async () => {
    const stage = await testWallet(terms)
    const source = {
      next: async () => ({ done: false, value: 1 }) as const,
      return: () => new Promise<never>(() => {}),
    }
    const stream = stage.wallet.governStream(call, () => source)
    await stream.next()
    void stream.return(undefined as never)
    await stage.wallet.close()
    assert.equal((await stage.desk.failed()).length, 1)
  })
})
