/**
 * For the tests of those who use a wallet: no test runner, no files, no waiting. Environments without code of
 * their own set `NORNR_LEDGER=memory:`.
 */
import { ReviewDesk } from "../desk/review-desk.ts"
import { amendStep } from "../engine/amend.ts"
import { errorCodes } from "../error/codes.ts"
import { NornrError } from "../error/nornr-error.ts"
import { fieldsOf } from "../input/fields.ts"
import { show } from "../input/show.ts"
import type { Ledger } from "../ledger/ledger.ts"
import { memoryLedger } from "../ledger/memory.ts"
import { mandateTermNames } from "../mandate/parse-terms.ts"
import type { MandateTerms } from "../mandate/terms.ts"
import type { Decision } from "../spend/decision.ts"
import { openWallet } from "../wallet/embedded-wallet.ts"
import { parseCreate } from "../wallet/options.ts"
import type { Wallet } from "../wallet/wallet.ts"
import { faultyLedger, type LedgerFault } from "./faulty-ledger.ts"
import { type TestClock, testClock } from "./test-clock.ts"

export type { LedgerFault } from "./faulty-ledger.ts"
export type { TestClock } from "./test-clock.ts"

export interface TestWalletOptions extends MandateTerms {
  /** `test-owner` by default. */
  readonly owner?: string | undefined
  readonly currency?: string | undefined
  /** Where the clock stands: ISO 8601 with a zone, or a Date; noon of 2026-01-01 UTC by default. */
  readonly at?: string | Date | undefined
  /** Reviews each decision as it is queued, before whoever asked hears of it; undefined leaves it queued. */
  readonly review?:
    | ((decision: Decision) => "approve" | "reject" | undefined | Promise<"approve" | "reject" | undefined>)
    | undefined
}

export interface TestWallet {
  readonly wallet: Wallet
  /** Of the reviewer `test-reviewer`. */
  readonly desk: ReviewDesk
  readonly clock: TestClock
  /** To open more wallets and desks on, with this `clock`. */
  readonly ledger: Ledger
  /** Makes the ledger's next commits and reads fail: once by default. */
  fail(code: LedgerFault, options?: { readonly times?: number }): void
}

/**
 * A wallet on a ledger of its own in memory, with its desk and a clock that stands until it is moved. Without
 * any limit among the terms, 1,000,000 a day.
 * @throws {NornrError} as `Wallet.create`
 */
export async function testWallet(options: TestWalletOptions = {}): Promise<TestWallet> {
  const allowed = ["owner", "currency", "at", "review", ...mandateTermNames]
  const fields = fieldsOf(options, { path: "", code: "invalid_option", allowed })
  const { owner = "test-owner", at = "2026-01-01T12:00:00Z", review, ...terms } = options
  if (review !== undefined && typeof review !== "function") {
    fields.refuse("review", review, "Pass a function of the decision.")
  }
  const clock = testClock(at)
  const { ledger, fail } = faultyLedger(memoryLedger())
  const limits = terms.dailyLimit === undefined && terms.limits === undefined ? { dailyLimit: 1_000_000 } : {}
  const parsed = parseCreate({ owner, ...limits, ...terms, ledger, clock })
  const desk = await ReviewDesk.open({ ledger, clock, reviewer: "test-reviewer" })
  const opened = { ledger, release: async () => undefined }
  const wallet = await openWallet(
    opened,
    clock,
    async (engine) => {
      const currency = parsed.currency ?? "USD"
      const amendment = { wallet: owner, terms: parsed.terms, codeVersion: 0, create: { currency } }
      await engine.commit(owner, amendStep(amendment))
      return { owner, currency, mayAmend: true }
    },
    review && { onQueued: async (decision) => reviewWith(review, decision, desk) },
  )
  return {
    wallet,
    desk,
    clock,
    ledger,
    fail: (code, options = {}) => fail(requireFault(code), timesOf(options)),
  }
}

async function reviewWith(
  review: NonNullable<TestWalletOptions["review"]>,
  decision: Decision,
  desk: ReviewDesk,
): Promise<void> {
  const verdict = await review(decision)
  if (verdict === undefined) return
  if (verdict === "approve") await desk.approve(decision)
  else if (verdict === "reject") await desk.reject(decision)
  else {
    const remedy = 'Give "approve", "reject" or undefined.'
    throw new NornrError("invalid_option", `review gave ${show(verdict)}.`, { remedy })
  }
}

function timesOf(options: unknown): number {
  const fields = fieldsOf(options, { path: "", code: "invalid_option", allowed: ["times"] })
  return fields.integer("times", 0, Number.MAX_SAFE_INTEGER) ?? 1
}

function requireFault(code: unknown): LedgerFault {
  if (typeof code === "string" && code.startsWith("ledger_") && code in errorCodes) return code as LedgerFault
  const remedy = 'Use a code of the ledger, such as "ledger_unavailable" or "ledger_timeout".'
  throw new NornrError("invalid_option", `The fault is ${show(code)}.`, { remedy })
}
