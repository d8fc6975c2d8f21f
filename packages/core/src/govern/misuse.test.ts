import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { boom, call, counter, eventTypes, terms, used } from "../../test/stage.ts"
import { testWallet } from "../testing/index.ts"
import { governed } from "./governed.ts"
import { notCharged } from "./not-charged.ts"

describe("misuse", () => {
  test("is refused where it is made, before anything is asked", async () => {
    const stage = await testWallet(terms)
    const { wallet, desk } = stage
    const options = { name: "t", wallet, amount: 1, to: "x" }
    const generator = async function* () {
      yield 1
    }
    assert.throws(() => governed(generator, options), /Use governedStream/)
    assert.throws(() => governed(boom, { ...options, name: undefined as never }), /name is undefined/)
    assert.throws(() => governed(boom, { ...options, purpose: 5 as never }), /purpose is 5/)
    const tool = governed(counter().run, options)
    const bad = [{ kee: "job-7" }, "job-7", null, { key: "k", thread: 5 }]
    for (const given of bad) await assert.rejects(tool(undefined, given as never), { code: "invalid_intent" })
    await assert.rejects(wallet.govern(call, undefined as never), /run is undefined/)
    await assert.rejects(desk.approve("dec_1", "ok" as never), { code: "invalid_option" })
    await assert.rejects(desk.approve("dec_1", { coment: "ok" } as never), /coment is not a known name/)
    assert.deepEqual(await used(stage), ["0.00", "0.00"])
    assert.deepEqual(await eventTypes(stage), ["wallet.created"])
  })

  test("of notCharged with what is no object still gives the hold back", async () => {
    const stage = await testWallet(terms)
    await stage.wallet.govern(call, () => {
      throw notCharged("sold out" as never)
    })
    assert.deepEqual(await used(stage), ["0.00", "0.00"])
  })

  test("of a refusal that throws leaves the usual text", async () => {
    const { wallet } = await testWallet(terms)
    const tool = governed(counter().run, { name: "t", wallet, amount: 60, to: "x", refusal: boom })
    const outcome = await tool(undefined)
    assert(outcome.status === "rejected")
    assert.match(outcome.message, /^Not run, nothing charged/)
  })

  test("of a result that refers to itself on many ways does not block the process", async () => {
    const { wallet } = await testWallet(terms)
    let big: object = {}
    for (let level = 0; level < 40; level++) big = { a: big, b: big }
    assert.equal((await wallet.govern(call, () => big)).status, "done")
  })
})
