// #region wallet
import { Wallet } from "@nornr/langgraph"

export const wallet = await Wallet.create({
  owner: "ops-graph",
  dailyLimit: 60,
  requireApprovalAbove: 20,
  counterparties: { deny: ["shady-data.example"] },
})
// #endregion wallet
