import { NornrError } from "../../error/nornr-error.ts"

/** The primary result codes of SQLite that a caller can act on (https://sqlite.org/rescode.html). */
const busy = 5
const locked = 6
const corrupt = 11
const full = 13
const notADatabase = 26

export function isBusy(error: unknown): boolean {
  const code = resultCode(error)
  return code === busy || code === locked
}

/** What SQLite threw, as an error that says what to do. */
export function sqliteFault(cause: unknown, name: string): NornrError {
  if (NornrError.isInstance(cause)) return cause
  const code = resultCode(cause)
  const said = cause instanceof Error ? cause.message : String(cause)
  if (code === full) {
    const remedy = "Free some space; what was committed is intact and the call can be repeated."
    return new NornrError("ledger_full", `The disk of the ledger ${name} is full.`, { remedy, cause })
  }
  if (code === corrupt || code === notADatabase || isDamage(cause)) {
    const remedy = "Keep the file as it is for examination and restore a backup."
    return new NornrError("ledger_corrupt", `The ledger ${name} is damaged or not a ledger (${said}).`, {
      remedy,
      cause,
    })
  }
  const remedy = "Check that the file and its folder can be read and written; then repeat the call."
  return new NornrError("ledger_unavailable", `The ledger ${name} failed (${said}).`, { remedy, cause })
}

export function busyTooLong(name: string, cause: unknown): NornrError {
  const remedy = "See which process keeps the file locked; nothing was written, so the call can be repeated."
  return new NornrError("ledger_timeout", `The ledger ${name} was locked by another process for too long.`, {
    remedy,
    cause,
  })
}

/** What cannot be read as what the ledger writes: text that is no JSON, a number out of range, a table that is gone. */
function isDamage(cause: unknown): boolean {
  if (cause instanceof SyntaxError || cause instanceof RangeError) return true
  return cause instanceof Error && /^no such (table|column)/.test(cause.message)
}

function resultCode(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("errcode" in error)) return undefined
  return typeof error.errcode === "number" ? error.errcode & 0xff : undefined
}
