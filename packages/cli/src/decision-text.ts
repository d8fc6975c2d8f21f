import type { Decision, ReviewDecision } from "@nornr/core"
import { plain, wrapped } from "./plain.ts"
import { bold, dim, fromNow, paint, screenWidth, status } from "./screen.ts"

/** All that a reviewer decides on, whole: what is approved is exactly this. */
export function decisionBlock(decision: ReviewDecision): readonly string[] {
  const { id, amount, currency, to, purpose, run, at, reasons, approval, args, error, receipt } = decision
  const tags = Object.entries(decision.tags).map(([name, value]) => `${name}=${value}`)
  const facts = [
    `wallet ${receipt.wallet}`,
    run.tool && `tool ${run.tool}`,
    run.agent && `agent ${run.agent}`,
    run.thread && `thread ${run.thread}`,
    tags.length > 0 && `tags ${tags.join(" ")}`,
    decision.idempotencyKey && `key ${decision.idempotencyKey}`,
  ].filter((fact) => typeof fact === "string")
  const times = [
    `asked ${fromNow(at)}`,
    ...(approval?.state === "pending" ? [`expires ${fromNow(approval.expiresAt)}`] : []),
  ]
  const said = purpose === "" ? "(its purpose was deleted)" : plain(purpose)
  const width = screenWidth()
  const lines = (text: string, style: (text: string) => string = (each) => each) =>
    wrapped(text, width, "    ").map(style)
  return [
    ...wrapped(`${bold(`${amount} ${currency}`)} to ${bold(plain(to))}: ${said}`, width, "  "),
    `  ${paint("cyan", id)}`,
    ...lines([...facts.map(plain), ...times].join(" · "), dim),
    ...reasons.flatMap(({ message }) => lines(plain(message))),
    ...(args === undefined ? [] : lines(argumentText(args))),
    ...(error === undefined ? [] : lines(`it threw: ${plain(error)}`, (line) => paint("red", line))),
    "",
  ]
}

function argumentText(args: unknown): string {
  const short = JSON.stringify(args)
  if (short.length <= 60) return plain(short)
  return JSON.stringify(args, null, 2).split("\n").map(plain).join("\n")
}

/** A decision in full, field by field. */
export function decisionLines(decision: Decision | ReviewDecision): readonly string[] {
  const { approval, execution, receipt, mandate, evidence, run, amount, currency } = decision
  const settled = execution.settled === undefined ? "" : `, settled at ${execution.settled}`
  const list = (entries: Readonly<Record<string, string | undefined>>, between: string) =>
    Object.entries(entries)
      .map(([name, value]) => `${name}${between}${value}`)
      .join(" · ")
  const comment = approval?.comment === undefined ? "" : `“${approval.comment}”`
  const review = approval && [approval.state, approval.by && `by ${approval.by}`, approval.at, comment]
  const fields: readonly (readonly [string, string | undefined])[] = [
    ["wallet", receipt.wallet],
    ["amount", `${amount} ${currency}${settled}`],
    ["to", decision.to],
    ["purpose", decision.purpose === "" ? "(deleted)" : decision.purpose],
    ["asked", decision.at],
    ["run", list(run as Readonly<Record<string, string | undefined>>, " ")],
    ["tags", list(decision.tags, "=")],
    ["key", decision.idempotencyKey],
    ["reasons", decision.reasons.map(({ message }) => message).join(" ")],
    ["approval", review?.filter(Boolean).join(" ")],
    ["ended", execution.endedAt],
    ["mandate", `version ${mandate.version}, ${mandate.hash.slice(0, 16)}…`],
    ["receipt", `#${receipt.seq} ${receipt.hash}`],
    ...(evidence ?? []).map(
      ({ kind, url, digest }) => ["evidence", [kind, url, digest].filter(Boolean).join(" ")] as const,
    ),
    ["args", "args" in decision ? JSON.stringify(decision.args) : undefined],
    ["error", "error" in decision ? String(decision.error) : undefined],
  ]
  const indent = " ".repeat(12)
  return [
    `${bold(decision.id)}  ${status(decision.status)}, ${status(execution.state)}`,
    ...fields.flatMap(([name, value]) => {
      if (value === undefined || value === "") return []
      const [first = "", ...rest] = wrapped(plain(value), screenWidth() - 12)
      return [`  ${dim(name.padEnd(9))} ${first}`, ...rest.map((line) => indent + line)]
    }),
  ]
}
