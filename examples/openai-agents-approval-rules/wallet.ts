// #region wallet
import { Wallet } from "@nornr/openai-agents"

export const wallet = await Wallet.create({
  owner: "ops-agent",
  dailyLimit: 75,
  requireApprovalAbove: 25,
  counterparties: { deny: ["gift-cards.example"] },
  rules: [
    {
      name: "new vendor",
      when: "!facts.counterparty.seen && intent.amount > 10.0",
      then: "queue",
    },
  ],
})
// #endregion wallet
