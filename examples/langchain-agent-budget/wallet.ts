// #region wallet
import { Wallet } from "@nornr/langchain"

export const wallet = await Wallet.create({
  owner: "research-agent",
  dailyLimit: 50,
  requireApprovalAbove: 20,
})
// #endregion wallet
