import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { Scratch } from "./scratch.ts"

const shape = { encode: (value: { n: number }) => JSON.stringify(value), decode: JSON.parse }

describe("the scratch map", () => {
  test("keeps many times more than it holds in memory, with what was changed in place", () => {
    const scratch = new Scratch<{ n: number }>(shape)
    const count = 90_000
    for (let index = 0; index < count; index++) scratch.set(`key ${index}`, { n: index })
    for (let index = 0; index < count; index += 1000) {
      const value = scratch.get(`key ${index}`)
      if (value !== undefined) value.n = -1
    }
    assert.equal(scratch.take("key 7")?.n, 7)
    assert.equal(scratch.take("never there"), undefined)
    scratch.set("key 8", { n: 8 })
    assert.equal(scratch.size, count - 1)
    assert.equal(scratch.get("key 7"), undefined)
    assert.equal(scratch.get("key 12345")?.n, 12345)
    let seen = 0
    let changed = 0
    for (const [, { n }] of scratch.entries()) {
      seen++
      if (n === -1) changed++
    }
    assert.deepEqual([seen, changed], [count - 1, 90])
    scratch.close()
  })

  test("is a plain map while it is small", () => {
    const scratch = new Scratch<{ n: number }>(shape)
    scratch.set("b", { n: 2 })
    scratch.set("a", { n: 1 })
    assert.deepEqual([...scratch.entries()].map(([key]) => key).sort(), ["a", "b"])
    scratch.close()
  })
})
