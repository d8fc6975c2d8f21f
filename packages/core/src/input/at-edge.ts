import type { ErrorCode } from "../error/codes.ts"
import { NornrError } from "../error/nornr-error.ts"

/** Runs a parser of untrusted input: whatever hostile getters or proxies throw becomes a NornrError. */
export function atEdge<T>(what: string, code: ErrorCode, parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    if (NornrError.isInstance(cause)) throw cause
    throw new NornrError(code, `${what} cannot be read.`, { remedy: "Pass plain values.", cause })
  }
}
