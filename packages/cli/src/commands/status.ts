import type {
  AuditDesk,
  Balance,
  Decision,
  LimitBalance,
  MandateRecord,
  ReviewDesk,
  Wallet,
} from "@nornr/core"
import { Command } from "commander"
import { type Common, openAudit, openReadingDesk, ownersOf, withCommon, withWallet } from "../options.ts"
import { cut, plain } from "../plain.ts"
import {
  bar,
  bold,
  clockTime,
  count,
  dim,
  emitJson,
  paint,
  say,
  screenWidth,
  status,
  table,
} from "../screen.ts"

interface WalletStatus {
  readonly balance: Balance
  readonly last: readonly Decision[]
  readonly pending: number
  readonly unknown: number
  readonly failed: number
  /** What agents may spend by terms of their own. */
  readonly agentLimits: readonly LimitBalance[]
  /** Agents that a reviewer has frozen, put under review or revoked. */
  readonly controls: readonly { readonly agent: string; readonly control: string }[]
}

export function statusCommand(): Command {
  return withCommon(
    new Command("status").description("budgets, what waits and what is held, the last decisions"),
  ).action(showStatus)
}

async function showStatus(options: Common): Promise<void> {
  await using audit = await openAudit(options)
  const owners = await ownersOf(audit, options)
  await using desk = await openReadingDesk(options)
  const wallets = await Promise.all(owners.map((owner) => statusOf(options, owner, desk, audit)))
  if (options.json) return emitJson({ wallets })
  if (wallets.length === 0) say("The ledger has no wallet yet: `nornr init` makes one.")
  for (const each of wallets) say(...walletLines(each), "")
}

async function statusOf(
  options: Common,
  owner: string,
  desk: ReviewDesk,
  audit: AuditDesk,
): Promise<WalletStatus> {
  const own = (decisions: readonly Decision[]) =>
    decisions.filter(({ receipt }) => receipt.wallet === owner).length
  const mandates = await audit.mandates(owner)
  const controls = mandates.flatMap(({ agent, control }) =>
    agent === undefined || control === undefined ? [] : [{ agent, control }],
  )
  return withWallet(options, owner, async (wallet) => {
    const last: Decision[] = []
    const seen = new Set<string>()
    const ids: string[] = []
    for await (const { data } of wallet.trail({ last: 60 }))
      if (typeof data["decision"] === "string") ids.push(data["decision"])
    for (const id of ids.reverse()) {
      if (seen.has(id) || seen.size >= 8) continue
      seen.add(id)
      const decision = await wallet.decision(id)
      if (decision !== undefined) last.push(decision)
    }
    const balance = await wallet.balance()
    return {
      agentLimits: await agentLimitsOf(wallet, mandates),
      controls,
      balance,
      pending: own(await desk.pending()),
      unknown: own(await desk.unknown()),
      failed: own(await desk.failed()),
      last,
    }
  })
}

async function agentLimitsOf(
  wallet: Wallet,
  mandates: readonly MandateRecord[],
): Promise<readonly LimitBalance[]> {
  const found: LimitBalance[] = []
  for (const { agent, version } of mandates) {
    if (agent === undefined || version === 0) continue
    const { limits } = await wallet.forAgent(agent).balance()
    found.push(...limits.filter((limit) => limit.agent === agent))
  }
  return found
}

function walletLines({
  balance,
  agentLimits,
  pending,
  unknown,
  failed,
  last,
  controls,
}: WalletStatus): readonly string[] {
  const { owner, currency, control, mandate } = balance
  const limits = [...byFullness(balance.limits), ...byFullness(agentLimits)]
  const state = control === undefined ? "" : `  ${paint("red", controlText(control))}`
  return [
    `${bold(plain(owner))}${state}  ${dim(`${currency} · mandate version ${mandate.version}`)}`,
    ...controls.map(({ agent, control }) => `  ${paint("red", controlText(control))}: agent ${plain(agent)}`),
    ...limits.slice(0, 12).flatMap((limit) => limitLines(limit, currency)),
    ...(limits.length > 12
      ? [dim(`  and ${count(limits.length - 12, "budget")} more (--json shows all)`)]
      : []),
    `  ${mark(pending, "pending", "yellow")} · ${mark(unknown, "unknown", "magenta")} · ${mark(failed, "failed and held", "red")}`,
    ...hints({ pending, unknown, failed }),
    ...(last.length === 0 ? [dim("  no decision yet")] : ["", lastTable(last)]),
  ]
}

function controlText(control: string): string {
  return control === "freeze" ? "frozen" : control === "review_only" ? "under review" : control
}

/** Those of the whole wallet first, then the fullest. */
function byFullness(limits: readonly LimitBalance[]): readonly LimitBalance[] {
  const share = ({ held, settled, limit }: LimitBalance) =>
    (Number(held) + Number(settled)) / Number(limit) || 0
  return [...limits].sort((left, right) => {
    const isWhole = Number(left.by !== undefined) - Number(right.by !== undefined)
    return isWhole === 0 ? share(right) - share(left) : isWhole
  })
}

function limitLines(limit: LimitBalance, currency: string): readonly string[] {
  const { name, unit, limit: max, held, settled, remaining, resetsAt, bucket, agent } = limit
  const shown = (value: string) => (unit === "amount" ? value : `${value} spends`)
  const title = [name, agent && `agent ${agent}`, bucket].filter(Boolean).join(" · ")
  const until = resetsAt === undefined ? "" : ` until ${clockTime(resetsAt).slice(5, 16)} UTC`
  const used = `${shown(settled)} settled, ${shown(held)} held`
  return [
    `  ${bar(Number(settled), Number(held), Number(max))} ${cut(title, screenWidth() - 30)}`,
    `  ${" ".repeat(24)} ${bold(remaining)} left of ${shown(max)}${unit === "amount" ? ` ${currency}` : ""}${until}`,
    `  ${" ".repeat(24)} ${dim(used)}`,
  ]
}

function mark(number: number, what: string, style: "yellow" | "magenta" | "red"): string {
  return number === 0 ? dim(`0 ${what}`) : paint(style, `${number} ${what}`)
}

function hints({
  pending,
  unknown,
  failed,
}: Pick<WalletStatus, "pending" | "unknown" | "failed">): readonly string[] {
  return [
    ...(pending > 0 ? [dim("  review them with `nornr approvals`")] : []),
    ...(unknown + failed > 0 ? [dim("  settle or release them with `nornr unknown`")] : []),
  ]
}

function lastTable(last: readonly Decision[]): string {
  const rows = last.map(({ at, status: verdict, execution, amount, to, purpose }) => [
    at.slice(11, 16),
    status(verdict === "approved" && execution.state !== "idle" ? execution.state : verdict),
    execution.settled ?? amount,
    cut(to, 20),
    cut(purpose, 24),
  ])
  return table(["UTC", "outcome", "amount", "to", "purpose"], rows, [2])
}
