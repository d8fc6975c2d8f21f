import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { call, counter, eventTypes, soundly, terms, used } from "../../test/stage.ts"
import { testWallet } from "../testing/index.ts"
import type { CurrentSpend } from "./current-spend.ts"

class Pause extends Error {}

const waits = { ...call, pauses: (error: unknown) => error instanceof Pause }

describe("a tool that says it waits", () => {
  test("gives its claim back, keeps its hold, and runs again when it is called again", async () => {
    const stage = await testWallet(terms)
    const attempts: number[] = []
    const run = ({ attempt }: CurrentSpend) => {
      attempts.push(attempt)
      if (attempt < 3) throw new Pause("ask me later")
      return "done"
    }
    for (let turn = 0; turn < 2; turn++) await assert.rejects(stage.wallet.govern(waits, run), Pause)
    assert.deepEqual(await used(stage), ["5.00", "0.00"])
    const outcome = await stage.wallet.govern(waits, run)
    assert.equal(outcome.status, "done")
    assert.deepEqual(attempts, [1, 2, 3])
    assert.equal((await eventTypes(stage)).filter((type) => type === "spend.returned").length, 2)
    await soundly(stage)
  })

  test("has failed where what asks throws, or says no", async () => {
    const stage = await testWallet(terms)
    const pauses = () => {
      throw new Error("no idea")
    }
    const outcome = await stage.wallet.govern({ ...call, pauses }, () => {
      throw new Pause("ask me later")
    })
    assert.equal(outcome.status, "failed")
  })

  test("lapses like any approval that nobody claims", async () => {
    const stage = await testWallet(terms)
    const run = () => {
      throw new Pause("ask me later")
    }
    await assert.rejects(stage.wallet.govern(waits, run), Pause)
    stage.clock.advance("16m")
    assert.equal((await stage.wallet.govern(waits, counter().run)).status, "done")
    assert.deepEqual(await used(stage), ["0.00", "5.00"])
    await soundly(stage)
  })
})
