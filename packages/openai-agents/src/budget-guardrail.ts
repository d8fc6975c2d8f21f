import {
  type Amount,
  type Balance,
  parseAmount,
  type Reason,
  type ReasonCode,
  requireOptions,
  requireSource,
  type WalletSource,
  walletOf,
} from "@nornr/core"
import type { InputGuardrail } from "@openai/agents"
import { requireScope } from "./call-site.ts"
import type { Scoped } from "./types.ts"

export interface BudgetGuardrailOptions extends Scoped {
  readonly wallet: WalletSource
  /** The least that has to be left for a run to start, in the wallet's currency; anything at all by default. */
  readonly atLeast?: Amount | undefined
}

/** What the guardrail tells in its `outputInfo`. */
export interface BudgetInfo {
  /** Why the run does not start; empty where it may. */
  readonly reasons: readonly Reason[]
  readonly balance: Balance
}

/**
 * An input guardrail that starts no run, and calls no model, where the budget is spent or the wallet frozen: its
 * tripwire says why. It holds nothing: what the run then does is decided call by call. The SDK asks the guardrails
 * of the first agent of a run alone, and none when a run is resumed.
 * @throws {NornrError} `invalid_option`
 */
export function budgetGuardrail(options: BudgetGuardrailOptions): InputGuardrail {
  requireOptions(options, ["wallet", "atLeast", "scope"])
  const { wallet: source, atLeast = "0.000001", scope } = options
  requireSource(source)
  requireScope(scope)
  parseAmount(atLeast, "atLeast", "USD")
  return {
    name: "nornr budget",
    runInParallel: false,
    async execute({ agent, context: { context } }) {
      const run = { agent: agent.name, thread: scope?.(context) }
      const wallet = await walletOf(source, { tool: "run", run, context })
      const { reasons } = await wallet.check({ amount: atLeast, to: "anyone", run })
      const balance = await wallet.balance()
      const why = reasons.filter((reason) => stops(reason, balance))
      const outputInfo: BudgetInfo = { reasons: why, balance }
      return { tripwireTriggered: why.length > 0, outputInfo }
    },
  }
}

/** Whatever a run would buy, and of whom. */
const always: ReadonlySet<ReasonCode> = new Set([
  "frozen",
  "agent_revoked",
  "mandate_expired",
  "currency_mismatch",
])

function stops({ code, limit }: Reason, { limits }: Balance): boolean {
  const isHard = limits.some(({ name, over }) => name === limit && over === "reject")
  return always.has(code) || (isHard && code.endsWith("limit_exceeded"))
}
