// #region wallet
import { Wallet } from "@nornr/openai-agents"

export const wallet = await Wallet.create({
  owner: "autogen-operator",
  dailyLimit: 70,
  requireApprovalAbove: 25,
  limits: [{ amount: 40, per: "day", by: "agent" }], // no agent spends more than 40 of the 70
})
// #endregion wallet
