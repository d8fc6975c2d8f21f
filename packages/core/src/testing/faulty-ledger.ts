import type { ErrorCode } from "../error/codes.ts"
import { NornrError } from "../error/nornr-error.ts"
import type { Ledger } from "../ledger/ledger.ts"

/** The faults of a ledger that a test can call up. */
export type LedgerFault = Extract<ErrorCode, `ledger_${string}`>

/** A ledger that fails its next commits and reads on demand, and writes nothing then. */
export function faultyLedger(ledger: Ledger): {
  readonly ledger: Ledger
  fail(code: LedgerFault, times: number): void
} {
  let code: LedgerFault = "ledger_unavailable"
  let left = 0
  const guarded = async <T>(run: () => Promise<T>): Promise<T> => {
    if (left <= 0) return run()
    left--
    throw new NornrError(code, "The test made the ledger fail.", { remedy: "Nothing was written." })
  }
  return {
    ledger: {
      name: ledger.name,
      secret: ledger.secret,
      commit: (entries, clock) => guarded(() => ledger.commit(entries, clock)),
      read: (entries, clock) => guarded(() => ledger.read(entries, clock)),
      events: (...query) => guarded(() => ledger.events(...query)),
      wallets: () => guarded(() => ledger.wallets()),
      forget: (now) => ledger.forget(now),
      watch: (...listener) => ledger.watch(...listener),
      snapshot: () => guarded(() => ledger.snapshot()),
      growTree: (...growth) => guarded(() => ledger.growTree(...growth)),
      keepCheckpoint: (checkpoint) => guarded(() => ledger.keepCheckpoint(checkpoint)),
      close: () => ledger.close(),
    },
    fail(which, times) {
      code = which
      left = times
    },
  }
}
