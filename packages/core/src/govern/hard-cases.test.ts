import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { boom, call, counter, eventTypes, soundly, terms, turn, used } from "../../test/stage.ts"
import { ReviewDesk } from "../desk/review-desk.ts"
import { memoryLedger } from "../ledger/memory.ts"
import { testWallet } from "../testing/index.ts"
import { Wallet } from "../wallet/wallet.ts"
import { governed, governedStream } from "./governed.ts"

describe("a tool that throws what has no text", () => {
  const things: readonly (() => unknown)[] = [
    () => Object.create(null),
    () => ({ toString: 1, valueOf: 1 }),
    () => Object.defineProperty(new Error("x"), "message", { get: boom }),
    () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      return proxy
    },
    () => undefined,
    () => Object.freeze(new Error("frozen")),
  ]
  for (const [index, thing] of things.entries()) {
    test(`has failed all the same, and is held: ${index}`, async () => {
      const stage = await testWallet(terms)
      const outcome = await stage.wallet.govern(call, () => {
        throw thing()
      })
      assert.deepEqual([outcome.status, outcome.decision.execution.state], ["failed", "failed"])
      assert.equal((await stage.wallet.govern(call, counter().run)).status, "failed")
      await stage.wallet.close()
    })
  }
})

describe("a call nested in itself", () => {
  test("passes straight through, however deep: executor, middleware, wrapped tool", async () => {
    const stage = await testWallet(terms)
    const tool = counter()
    const nest = (depth: number): Promise<unknown> =>
      stage.wallet.govern(call, () => (depth === 0 ? tool.run() : nest(depth - 1)))
    await nest(4)
    assert.equal(tool.runs, 1)
    assert.deepEqual(await used(stage), ["0.00", "5.00"])
  })
})

describe("what is told twice", () => {
  test("changes nothing: a settle that had landed does not undo the desk's adjustment", async () => {
    const ledger = memoryLedger()
    let lost = 0
    let isBroken = false
    const commit = ledger.commit.bind(ledger)
    ledger.commit = async (entries, clock) => {
      const settled = lost === 1 && isBroken ? [] : await commit(entries, clock)
      if (!isBroken) return settled
      lost++
      throw new Error("the connection was lost after the commit")
    }
    const wallet = await Wallet.create({ owner: "o", dailyLimit: 50, ledger })
    const outcome = await wallet.govern({ ...call, amount: 10 }, async () => {
      isBroken = true
    })
    assert(outcome.status === "done" && outcome.settlement === "pending")
    await turn()
    isBroken = false
    const desk = await ReviewDesk.open({ ledger, reviewer: "ana" })
    await desk.adjust(outcome.decision, 2, { reason: "refunded" })
    await wallet.close()
    assert(lost >= 2, "the settlement was tried again")
    assert.equal((await desk.decision(outcome.decision.id))?.execution.settled, "2.00")
    const types: string[] = []
    for await (const { type } of (await Wallet.connect({ owner: "o", ledger })).trail()) types.push(type)
    assert.deepEqual(types.slice(-2), ["spend.settled", "spend.adjusted"])
  })

  test("by a run that came late does not undo it either", async () => {
    const stage = await testWallet(terms)
    const { promise, resolve } = Promise.withResolvers<string>()
    const run = stage.wallet.govern(call, () => promise)
    await turn()
    stage.clock.advance("61s")
    for (const lost of await stage.desk.unknown()) await stage.desk.settle(lost)
    const [settled] = [await stage.wallet.decision(call.key)]
    await stage.desk.adjust(settled?.id ?? "", 2, { reason: "refunded" })
    resolve("late")
    assert.equal((await run).decision.execution.settled, "2.00")
    await soundly(stage)
  })
})

describe("an aborted call", () => {
  /** Aborts so that the commit lands and its caller is told that nothing happened. */
  const aborted = async (stage: Awaited<ReturnType<typeof testWallet>>, options: object) => {
    const controller = new AbortController()
    const asked = stage.wallet.govern({ ...call, ...options, signal: controller.signal }, counter().run)
    const end = assert.rejects(asked, { code: "aborted" })
    const watching = stage.ledger.watch(() => controller.abort())
    await Promise.race([end, turn()])
    controller.abort()
    await end
    watching()
    await turn()
  }

  test("gives a claim back with the expiry that it had", async () => {
    const stage = await testWallet({ ...terms, approvalTtl: "1h" })
    const { decision } = await stage.wallet.govern({ ...call, amount: 30 }, counter().run)
    await stage.desk.approve(decision)
    await stage.desk.amend({ approvalTtl: "30d" })
    await aborted(stage, {})
    stage.clock.advance("2h")
    const tool = counter()
    const outcome = await stage.wallet.govern(call, tool.run)
    assert.deepEqual([outcome.status, tool.runs], ["rejected", 0])
    await soundly(stage)
  })

  test("that asked anew leaves the rejection that it asked about", async () => {
    const stage = await testWallet(terms)
    const { decision } = await stage.wallet.govern({ ...call, amount: 30 }, counter().run)
    await stage.desk.reject(decision)
    await stage.desk.amend({ requireApprovalAbove: null })
    await aborted(stage, { amount: 30, reask: true })
    const tool = counter()
    const outcome = await stage.wallet.govern({ ...call, amount: 30 }, tool.run)
    assert.deepEqual([outcome.status, outcome.decision.id, tool.runs], ["rejected", decision.id, 0])
    await soundly(stage)
  })

  test("that would have run again leaves what failed failed", async () => {
    const stage = await testWallet(terms)
    await stage.wallet.govern(call, boom)
    await aborted(stage, { idempotent: true })
    const outcome = await stage.wallet.govern(call, counter().run)
    assert(outcome.status === "failed")
    assert.equal(outcome.message, "the vendor said no")
    await soundly(stage)
  })
})

describe("an approval", () => {
  test("of one agent's call is not another's", async () => {
    const stage = await testWallet(terms)
    const asked = await stage.wallet.forAgent("a").ask({ ...call, amount: 30 })
    await stage.desk.approve(asked)
    const tool = counter()
    await assert.rejects(stage.wallet.forAgent("b").govern(call, tool.run), { code: "key_conflict" })
    assert.equal(tool.runs, 0)
  })

  test("is of the arguments that were bound, though terms change the object that holds them", async () => {
    const stage = await testWallet(terms)
    const args = { to: "good" }
    const amount = () => {
      args.to = "evil"
      return 25
    }
    await stage.wallet.govern({ ...call, args, amount }, counter().run)
    assert.deepEqual((await stage.desk.pending())[0]?.args, { to: "good" })
  })

  test("is for a running call no licence to end it at the desk", async () => {
    const stage = await testWallet(terms)
    const { promise, resolve } = Promise.withResolvers<string>()
    const run = stage.wallet.govern(call, () => promise)
    await turn()
    const running = await stage.wallet.decision(call.key)
    assert(running !== undefined)
    for (const end of [stage.desk.release(running), stage.desk.settle(running, 1)])
      await assert.rejects(end, /is running.*desk\.unknown/)
    resolve("done")
    assert.equal((await run).status, "done")
  })
})

describe("outcomes that come late", () => {
  test("are counted once, in whatever order two runs of one decision end", async () => {
    for (const order of ["old first", "new first"]) {
      const stage = await testWallet(terms)
      const [old, fresh] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()]
      const first = stage.wallet.govern(call, () => old.promise)
      await turn()
      stage.clock.advance("61s")
      const second = stage.wallet.govern({ ...call, idempotent: true }, () => fresh.promise)
      await turn()
      const ends = order === "old first" ? [old, fresh] : [fresh, old]
      for (const { resolve } of ends) {
        resolve("done")
        await turn()
      }
      await Promise.all([first, second])
      assert((await eventTypes(stage)).includes("spend.late_outcome"))
      assert.deepEqual([order, await used(stage)], [order, ["0.00", "5.00"]])
      await soundly(stage)
    }
  })

  test("give their result to whoever asks again, though the desk had released the spend", async () => {
    const stage = await testWallet(terms)
    const { promise, resolve } = Promise.withResolvers<string>()
    const run = stage.wallet.govern(call, () => promise)
    await turn()
    stage.clock.advance("61s")
    for (const lost of await stage.desk.unknown()) await stage.desk.release(lost)
    resolve("late")
    await run
    const again = await stage.wallet.govern(call, counter().run)
    assert(again.status === "done")
    assert.equal(again.result, "late")
    await soundly(stage)
  })

  test("of what failed and was settled at the desk are the recorded error", async () => {
    const stage = await testWallet(terms)
    const { decision } = await stage.wallet.govern(call, boom)
    await stage.desk.settle(decision, 1)
    const again = await stage.wallet.govern(call, counter().run)
    assert(again.status === "failed")
    assert.deepEqual([again.message, again.decision.execution.settled], ["the vendor said no", "1.00"])
  })
})

describe("watching for reviews", () => {
  test("does not keep the process busy when something lapses or expires that is not for the watcher", async () => {
    const stage = await testWallet(terms)
    void stage.wallet.forAgent("a").reviewed().next()
    await stage.wallet.ask({ ...call, run: { agent: "b" } })
    await stage.wallet.ask({ ...call, key: "q", amount: 30, run: { agent: "b" } })
    await turn()
    stage.clock.advance("25h")
    let reads = 0
    const read = stage.ledger.read.bind(stage.ledger)
    stage.ledger.read = (...given) => {
      reads++
      return read(...given)
    }
    await new Promise((pause) => setTimeout(pause, 100))
    assert(reads < 20, `${reads} reads in 100 ms`)
    await stage.wallet.close()
  })
})

describe("a call without a key", () => {
  test("that was queued and approved runs under the id of its decision", async () => {
    const stage = await testWallet(terms)
    const tool = counter()
    const buy = governed(tool.run, { name: "buy", wallet: stage.wallet, amount: 30, to: "x" })
    const queued = await buy(undefined)
    await stage.desk.approve(queued.decision)
    for (let index = 0; index < 2; index++) {
      const outcome = await buy(undefined, { key: queued.decision.id })
      assert.deepEqual([outcome.status, outcome.decision.id], ["done", queued.decision.id])
    }
    assert.equal(tool.runs, 1)
    await soundly(stage)
  })
})

describe("asks of one key at once", () => {
  test("evaluate its amount once", async () => {
    const stage = await testWallet(terms)
    let evaluated = 0
    const tool = counter()
    const amount = async () => {
      await turn()
      return ++evaluated
    }
    await Promise.all(Array.from({ length: 5 }, () => stage.wallet.govern({ ...call, amount }, tool.run)))
    assert.deepEqual([evaluated, tool.runs], [1, 1])
  })
})

describe("a stream", () => {
  test("whose consumer throws into it closes its tool", async () => {
    const stage = await testWallet(terms)
    let closed = 0
    const count = governedStream(
      async function* () {
        try {
          yield 1
          yield 2
        } finally {
          closed++
        }
      },
      { name: "count", wallet: stage.wallet, amount: 1, to: "x" },
    )
    const stream = count(undefined)
    await stream.next()
    const { value } = await stream.throw(new Error("enough"))
    assert.deepEqual([closed, (value as { status: string }).status], [1, "failed"])
    await soundly(stage)
  })
})

describe("what is evaluated for one caller", () => {
  test("neither hangs nor fails another: an abort ends the wait", async () => {
    const stage = await testWallet(terms)
    const controller = new AbortController()
    const never = () => new Promise<number>(() => {})
    const hung = stage.wallet.govern({ ...call, amount: never, signal: controller.signal }, counter().run)
    const sharer = stage.wallet.govern({ ...call, amount: boom }, counter().run)
    await turn()
    controller.abort()
    await assert.rejects(hung, { code: "aborted" })
    const outcome = await stage.wallet.govern({ ...call, amount: () => 1 }, counter().run)
    assert.equal(outcome.status, "done")
    await assert.rejects(sharer, { code: "invalid_intent" })
    const failing = stage.wallet.govern({ ...call, key: "f", amount: boom }, counter().run)
    const working = stage.wallet.govern({ ...call, key: "f", amount: () => 1 }, counter().run)
    await assert.rejects(failing, { code: "invalid_intent" })
    assert.equal((await working).status, "done")
  })
})

describe("a test wallet that rejects", () => {
  test("leaves what was asked anew rejected", async () => {
    const { wallet } = await testWallet({ ...terms, review: () => "reject" })
    const outcome = await wallet.govern({ ...call, amount: 30, reask: true }, counter().run)
    assert.equal(outcome.status, "rejected")
  })
})
