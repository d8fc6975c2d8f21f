import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { NornrError } from "./nornr-error.ts"

describe("a NornrError", () => {
  test("says what happened and what to do, and keeps its cause", () => {
    const cause = new Error("disk")
    const error = new NornrError("ledger_full", "The disk is full.", { remedy: "Free some space.", cause })
    assert.equal(error.message, "The disk is full. Free some space.")
    assert.equal(error.remedy, "Free some space.")
    assert.equal(error.cause, cause)
    assert(error instanceof Error)
  })

  test("is recognised by its brand, so that two copies of the library agree", () => {
    const foreign = Object.assign(new Error("x"), { [Symbol.for("nornr.error")]: true })
    assert(NornrError.isInstance(foreign))
    for (const other of [new Error("x"), null, undefined, "ledger_full", {}])
      assert(!NornrError.isInstance(other))
  })
})
