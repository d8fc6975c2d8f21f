import type { Ledger } from "../ledger/ledger.ts"
import { Wallet } from "../wallet/wallet.ts"

/** The wallet that a writer under test spends from: 1.00 each, until killed or past its limit. */
export const writerWallet = { owner: "writer", limits: [{ amount: 100_000 }, { count: 100_000 }] } as const

/**
 * Asks for decisions as fast as it can, eight at a time, and tells each one that was acknowledged. A process
 * that does this is killed by the contract suite at a moment of its choosing.
 */
export async function writeUntilKilled(ledger: Ledger, acknowledge: (id: string) => void): Promise<never> {
  const wallet = await Wallet.create({ ...writerWallet, ledger })
  const ask = async () => {
    for (;;) {
      const decision = await wallet.pay({ amount: 1, to: "openai", purpose: "until killed" })
      acknowledge(decision.id)
      if (Math.random() < 0.3) await wallet.settle(decision, 0.5)
    }
  }
  await Promise.all(Array.from({ length: 8 }, ask))
  throw new Error("unreachable")
}
