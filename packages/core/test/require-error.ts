import assert from "node:assert/strict"
import { type ErrorCode, NornrError } from "../src/index.ts"

/** One bad input: what it is, the code of its refusal and what the message says. */
export type BadInput = readonly [what: string, input: unknown, code: ErrorCode, message: RegExp]

/** For `assert.rejects`: a NornrError of that code, short, with that in its message. */
export function requireError(error: unknown, code: ErrorCode, message: RegExp): boolean {
  assert(NornrError.isInstance(error), `${String(error)} is no NornrError`)
  assert.equal(error.code, code, error.message)
  assert.match(error.message, message)
  assert(error.message.length < 1200, "the message is short")
  return true
}
