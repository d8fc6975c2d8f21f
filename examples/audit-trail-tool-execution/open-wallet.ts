import { Wallet } from "@nornr/core"

/** The mandate of the guide. The ledger is the file that NORNR_LEDGER names. */
export function openWallet(): Promise<Wallet> {
  // #region wallet
  return Wallet.create({
    owner: "autogen-operator",
    dailyLimit: 70,
    requireApprovalAbove: 25,
    counterparties: { deny: ["shady-data.example"] },
  })
  // #endregion wallet
}
