import { join } from "node:path"
import {
  AuditDesk,
  createCheckpointKey,
  type Decision,
  governed,
  type NewKey,
  ReviewDesk,
  Wallet,
} from "../src/index.ts"
import { temporaryFolder } from "./temporary-folder.ts"

/** A ledger file in which everything has happened that a trail can tell of, with the key of its checkpoints. */
export interface AuditedLedger {
  readonly folder: string
  readonly ledger: string
  readonly key: NewKey
  /** By what became of them. */
  readonly decisions: Readonly<
    Record<"settled" | "reviewed" | "rejected" | "failed" | "queued" | "agent", Decision>
  >
  open(): Promise<AuditDesk>
  exported(owner?: string): Promise<string>
  remove(): void
}

export async function auditedLedger(): Promise<AuditedLedger> {
  const { path: folder, remove } = temporaryFolder()
  const ledger = join(folder, "ledger.db")
  const decisions = await spend(ledger)
  const key = await createCheckpointKey(join(folder, "checkpoint.key"), "example.com/spend")
  const open = () => AuditDesk.open({ ledger })
  return {
    ...{ folder, ledger, key, decisions, open, remove },
    async exported(owner) {
      await using audit = await open()
      let text = ""
      for await (const piece of audit.exportTrail(owner === undefined ? {} : { owner })) text += piece
      return text
    },
  }
}

async function spend(ledger: string): Promise<AuditedLedger["decisions"]> {
  const terms = {
    dailyLimit: 100,
    requireApprovalAbove: 25,
    limits: [{ amount: 90, per: "day", by: "tag:9" }],
  } as const
  await using wallet = await Wallet.create({ owner: "ops", ledger, ...terms })
  await using other = await Wallet.create({ owner: "research \u{1f52c} “lab”", ledger, dailyLimit: 10 })
  await using desk = await ReviewDesk.open({ ledger, reviewer: "ana@example.com" })
  await other.pay({ amount: 1, to: "openai", tags: { "10": "a", "9": "b", x: "\u{1f600}\ue000" } })
  const buy = governed(
    async ({ cost }: { cost: number }) => {
      if (cost === 7) throw new Error("the vendor said 500")
      return { cost, invoice: `inv_${cost}` }
    },
    {
      name: "buy_report",
      wallet,
      amount: ({ cost }) => cost,
      to: "reports.example",
      charged: ({ cost }) => cost + (cost === 5 ? 1 : 0),
      evidence: ({ invoice }) => ({ kind: "invoice", url: `urn:invoice:${invoice}`, note: "the vendor's" }),
    },
  )
  const asked = async (cost: number) => decisionOf(await buy({ cost }, { key: `call_${cost}` }))
  const settled = await asked(5)
  await asked(30)
  const reviewed = await asked(31)
  await desk.approve(reviewed.id, { comment: "we need it" })
  const done = await asked(31)
  const failed = await asked(7)
  await desk.settle(failed.id, 6.5, { comment: "the invoice says so" })
  const rejected = await asked(200)
  const agent = wallet.forAgent("researcher", { dailyLimit: 9 })
  const small = await agent.pay({ amount: 0.5, to: "search.example", run: { thread: 't "1"' } })
  await agent.settle(small, "0.123456")
  await other.pay({ amount: 2, to: "openai" })
  const [queued] = await desk.pending()
  return { settled, reviewed: done, rejected, failed, queued: queued as Decision, agent: small }
}

function decisionOf(outcome: { readonly decision: Decision }): Decision {
  return outcome.decision
}
