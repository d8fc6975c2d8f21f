import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { codecOf } from "./codec.ts"

class Invoice {
  readonly total = 4
  readonly due = new Date("2026-11-23T00:00:00Z")
}

const kept = (value: unknown, codec = codecOf()) =>
  codec.decode(JSON.parse(JSON.stringify(codec.encode(value))))

describe("the codec of results", () => {
  test("gives dates, sets, maps, bytes and undefined back as they were", () => {
    const result = {
      at: new Date(0),
      all: new Set([1]),
      by: new Map([["a", 1n]]),
      bytes: new Uint8Array([7]),
    }
    assert.deepEqual(kept(result), result)
    assert.equal(kept(undefined), undefined)
  })

  test("gives an instance as the JSON that it makes of itself", () => {
    assert.deepEqual(kept([new Invoice()]), [{ total: 4, due: "2026-11-23T00:00:00.000Z" }])
  })

  test("gives what a framework's own reducers know in its own class", () => {
    const codec = codecOf(
      { invoice: (value) => value instanceof Invoice && { total: value.total } },
      { invoice: () => new Invoice() },
    )
    assert(kept(new Invoice(), codec) instanceof Invoice)
  })
})
