import { NornrError } from "../error/nornr-error.ts"
import type { Facts, Head, Step, WalletRow } from "../ledger/ledger.ts"
import { compileMandate } from "../mandate/mandate.ts"
import type { Control } from "../policy/decide.ts"
import type { Mandates } from "../spend/counters.ts"
import type { MandateRef } from "../spend/spend.ts"
import { isoTime } from "../time/clock.ts"

/** What holds for the spends of one agent (or of no agent) right now. */
export interface Standing {
  readonly wallet: WalletRow
  readonly mandates: Mandates
  readonly ref: MandateRef
  readonly control: Control | undefined
  readonly agentControl: Control | undefined
}

const patience = 5 * 60_000

/** @throws {NornrError} `wallet_not_found` */
export function standingOf(head: Head, agent: string | undefined): Standing {
  const row = head.mandates.get("")
  if (head.wallet === undefined || row === undefined) throw walletNotFound(head.id)
  const wallet = compileMandate(row.body)
  const own = agent === undefined ? undefined : head.mandates.get(agent)
  const scope = { name: own?.agent ?? "", timeZone: wallet.timeZone }
  const agentMandate = own === undefined || own.version === 0 ? undefined : compileMandate(own.body, scope)
  return {
    wallet: head.wallet,
    mandates: { wallet, agent: agentMandate },
    ref: {
      version: row.version,
      hash: row.hash,
      ...(agentMandate === undefined || own === undefined
        ? {}
        : { agentVersion: own.version, agentHash: own.hash }),
    },
    control: row.control,
    agentControl: own?.control,
  }
}

/** The currency of a wallet. */
export const currencyStep: Step<string> = {
  reads: () => ({}),
  work: ({ head }) => ({ result: standingOf(head, undefined).wallet.currency }),
}

export function walletNotFound(owner: string): NornrError {
  const remedy = "Make it with Wallet.create({ owner, dailyLimit, … }), or check the owner and the ledger."
  return new NornrError("wallet_not_found", `The ledger has no wallet of ${JSON.stringify(owner)}.`, {
    remedy,
  })
}

/**
 * Refuses to write while the clock is more than five minutes behind the wallet's last event.
 * @throws {NornrError} `clock_behind`
 */
export function requireClock({ head, now }: Facts): void {
  const last = head.wallet?.lastAt ?? 0
  if (last - now <= patience) return
  const problem = `The clock says ${isoTime(now)}, but the wallet's last event is of ${isoTime(last)}.`
  const remedy = "Set the clock right, or wait until it has caught up; a day must not be spent twice."
  throw new NornrError("clock_behind", problem, { remedy })
}
