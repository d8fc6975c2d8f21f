import type { Decision } from "../spend/decision.ts"
import type { ErrorCode } from "./codes.ts"

const brand = Symbol.for("nornr.error")

export interface ErrorDetails {
  /** What the caller can do about it, as a sentence. */
  readonly remedy: string
  readonly cause?: unknown
  readonly decision?: Decision | undefined
}

/**
 * The one error of this library: a promise that could not be kept, never a denial (a denial is a decision).
 * `code` is stable and documented in `errorCodes`; the message ends with the remedy.
 */
export class NornrError extends Error {
  override readonly name: string = "NornrError"
  readonly code: ErrorCode
  readonly remedy: string
  /** The decision that it is about, where it is about one. */
  readonly decision?: Decision

  constructor(code: ErrorCode, problem: string, { remedy, cause, decision }: ErrorDetails) {
    super(`${problem} ${remedy}`, cause === undefined ? undefined : { cause })
    this.code = code
    this.remedy = remedy
    if (decision !== undefined) this.decision = decision
    Object.defineProperty(this, brand, { value: true })
  }

  /** Recognises an error of any loaded copy of this library. */
  static isInstance(error: unknown): error is NornrError {
    return typeof error === "object" && error !== null && brand in error
  }
}
