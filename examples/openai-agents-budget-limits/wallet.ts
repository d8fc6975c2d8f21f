// #region wallet
import { Wallet } from "@nornr/openai-agents"

export const wallet = await Wallet.create({
  owner: "research-agent",
  dailyLimit: 40,
  requireApprovalAbove: 15,
})
// #endregion wallet
