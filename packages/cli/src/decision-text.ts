import type { Decision, ReviewDecision } from "@nornr/core"
import { bold, cut, dim, fromNow, paint, plain, screenWidth, status } from "./screen.ts"

/** What a reviewer needs to see of a decision, in a few lines. */
export function decisionBlock(decision: ReviewDecision): readonly string[] {
  const { id, amount, currency, to, purpose, run, at, reasons, approval, args, error } = decision
  const width = screenWidth() - 4
  const facts = [
    run.tool && `tool ${run.tool}`,
    run.agent && `agent ${run.agent}`,
    run.thread && `thread ${run.thread}`,
    `asked ${fromNow(at)}`,
    approval?.state === "pending" ? `expires ${fromNow(approval.expiresAt)}` : undefined,
  ]
  return [
    `  ${bold(`${amount} ${currency}`)} to ${bold(cut(to, 40))}: ${cut(purpose === "" ? "(purpose was deleted)" : purpose, width - 30)}`,
    `  ${paint("cyan", id)}`,
    `    ${dim(cut(facts.filter(Boolean).join(" · "), width))}`,
    ...reasons.map(({ message }) => `    ${cut(message, width)}`),
    ...(args === undefined ? [] : argumentLines(args, width)),
    ...(error === undefined ? [] : [`    ${paint("red", cut(`it threw: ${error}`, width))}`]),
    "",
  ]
}

/** The arguments, whole: a reviewer approves exactly these. */
function argumentLines(args: unknown, width: number): readonly string[] {
  const short = JSON.stringify(args)
  if (short.length <= width) return [`    ${plain(short)}`]
  const lines = JSON.stringify(args, null, 2).split("\n")
  return lines.flatMap((line) => wrap(plain(line), width).map((each) => `    ${each}`))
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (let at = 0; at < text.length || at === 0; at += width) lines.push(text.slice(at, at + width))
  return lines
}

/** A decision in full, field by field. */
export function decisionLines(decision: Decision | ReviewDecision): readonly string[] {
  const { approval, execution, receipt, mandate, evidence, run } = decision
  const fields: readonly (readonly [string, string | undefined])[] = [
    [
      "amount",
      `${decision.amount} ${decision.currency}${execution.settled === undefined ? "" : `, settled at ${execution.settled}`}`,
    ],
    ["to", decision.to],
    ["purpose", decision.purpose === "" ? "(deleted)" : decision.purpose],
    ["asked", decision.at],
    [
      "run",
      Object.entries(run)
        .map(([name, value]) => `${name} ${value}`)
        .join(" · ") || undefined,
    ],
    [
      "tags",
      Object.entries(decision.tags)
        .map(([name, value]) => `${name}=${value}`)
        .join(" ") || undefined,
    ],
    ["key", decision.idempotencyKey],
    ["reasons", decision.reasons.map(({ message }) => message).join(" ") || undefined],
    [
      "approval",
      approval &&
        [
          approval.state,
          approval.by && `by ${approval.by}`,
          approval.at,
          approval.comment && `“${approval.comment}”`,
        ]
          .filter(Boolean)
          .join(" "),
    ],
    ["ended", execution.endedAt],
    ["mandate", `version ${mandate.version}, ${mandate.hash.slice(0, 16)}…`],
    ["receipt", `${receipt.wallet} #${receipt.seq} ${receipt.hash}`],
    ...(evidence ?? []).map(
      ({ kind, url, digest }) => ["evidence", [kind, url, digest].filter(Boolean).join(" ")] as const,
    ),
    ["args", "args" in decision ? JSON.stringify(decision.args) : undefined],
  ]
  return [
    `${bold(decision.id)}  ${status(decision.status)}, ${status(execution.state)}`,
    ...fields.flatMap(([name, value]) =>
      value === undefined ? [] : [`  ${dim(name.padEnd(9))} ${plain(value)}`],
    ),
  ]
}
