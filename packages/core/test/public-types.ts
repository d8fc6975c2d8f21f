// Checked by `tsc` alone: what the types of the root entry let a user write, and what they do not.
import { createToolExecutor, type Decision, governed, NornrError, Wallet } from "../src/index.ts"

export async function guide(): Promise<string> {
  await using wallet = await Wallet.create({
    owner: "autogen-operator",
    dailyLimit: 70,
    requireApprovalAbove: 25,
    limits: [
      { amount: 500, per: "month", where: { tags: { team: "growth" } }, over: "queue" },
      { amount: 20, per: "day", by: "counterparty" },
      { amount: 5, by: "run" },
      { count: 100, per: "hour", by: "agent" },
      { amount: 10, per: "day", by: "tag:customer", where: { to: "openai" } },
    ],
  })
  const decision = await wallet.pay({ amount: 16, to: "openai", purpose: "tool execution" })
  if (decision.status === "approved") return (await wallet.settle(decision.id, 14.2)).receipt.hash
  if (decision.status === "queued") return decision.approval.expiresAt
  return decision.message
}

export async function refused(wallet: Wallet, decision: Decision): Promise<void> {
  // @ts-expect-error ledger and baseUrl exclude each other
  await Wallet.create({ owner: "x", dailyLimit: 1, ledger: "a.db", baseUrl: "http://x" })
  // @ts-expect-error a misspelt term
  await Wallet.create({ owner: "x", dailylimit: 1 })
  // @ts-expect-error Wallet.connect takes no terms
  await Wallet.connect({ owner: "x", dailyLimit: 1 })
  // @ts-expect-error a limit is an amount or a count
  await Wallet.create({ owner: "x", limits: [{ per: "day" }] })
  // @ts-expect-error no such period
  await Wallet.create({ owner: "x", limits: [{ amount: 1, per: "year" }] })
  // @ts-expect-error an intent names its counterparty
  await wallet.pay({ amount: 1 })
  // @ts-expect-error only a queued decision surely has an approval
  if (decision.status === "approved") decision.approval.id
  // @ts-expect-error an agent's wallet cannot approve
  wallet.approve
  const error: unknown = decision
  // @ts-expect-error no such code
  if (NornrError.isInstance(error) && error.code === "no_such_code") return
}

declare const api: {
  render(args: { readonly seconds: number }): Promise<{ readonly url: string; readonly seconds: number }>
}

/** Terms follow the arguments and the result of the tool that they are for. */
export async function governedCalls(wallet: Promise<Wallet>): Promise<string> {
  const render = governed(api.render, {
    name: "render",
    wallet,
    amount: ({ seconds }) => seconds * 0.5,
    to: "render.example",
    charged: (result, { seconds }) => (result.seconds + seconds) / 2,
    record: (result) => result.url,
    // @ts-expect-error a misspelt argument
    purpose: ({ second }) => `${second}`,
  })
  const outcome = await render({ seconds: 3 }, { key: "job-7" })
  if (outcome.status === "done") return outcome.result.url
  if (outcome.status === "failed") return outcome.message
  const { approval } = outcome.decision
  return approval?.expiresAt ?? outcome.message
}

export async function team(wallet: Wallet): Promise<readonly string[]> {
  const executor = createToolExecutor({
    wallet: ({ thread }) => wallet.forAgent(thread ?? "team"),
    tools: {
      render: {
        execute: api.render,
        terms: {
          amount: (args) => args.seconds * 0.5,
          to: "render.example",
          charged: (result, args) => result.seconds * args.seconds,
          // @ts-expect-error a misspelt field of the result
          record: (result) => result.link,
        },
      },
      echo: { execute: (text: string) => text },
    },
  })
  const calls = [{ id: "1", name: "render", args: { seconds: 3 }, agent: "buyer" }]
  const executed = await executor.execute(calls, { thread: "t1" })
  return executed.map((each) => (each.status === "done" ? each.call.id : each.message))
}
