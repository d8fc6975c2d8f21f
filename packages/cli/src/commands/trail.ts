import { setTimeout as pause } from "node:timers/promises"
import { NornrError, type TrailEvent, type Wallet } from "@nornr/core"
import { Command } from "commander"
import { pastId } from "../decision-id.ts"
import { decisionLines } from "../decision-text.ts"
import { type Common, oneOwner, openAudit, openReadingDesk, withCommon, withWallet } from "../options.ts"
import { cut, padded, plain, wrapped } from "../plain.ts"
import { clockTime, dim, emitJson, say, screenWidth, status } from "../screen.ts"

interface TrailOptions extends Common {
  readonly thread?: string
  readonly agent?: string
  readonly since?: string
  readonly type?: string
  readonly last?: string
  readonly follow?: boolean
}

export function trail(): Command {
  return withCommon(
    new Command("trail").description("what happened, event by event; of one decision, in full"),
  )
    .argument("[decision]", "a decision's id, or its last characters")
    .option("--thread <id>", "of one conversation")
    .option("--agent <name>", "of one agent")
    .option("--since <time>", "ISO 8601 with a zone, or such as 90m, 24h, 7d")
    .option("--type <type>", "events whose type begins so, such as spend.")
    .option("--last <n>", "how many positions, counted from the end (default: 40)")
    .option("--follow", "go on and show what comes")
    .action((id: string | undefined, options: TrailOptions) =>
      id === undefined ? list(options) : one(id, options),
    )
}

/** Of one decision, all is shown. @throws {NornrError} `invalid_option` */
function requireNoFilter({ thread, agent, since, type, last, follow }: TrailOptions): void {
  const given = Object.entries({ thread, agent, since, type, last, follow }).find(
    ([, value]) => value !== undefined,
  )
  if (given === undefined) return
  const problem = `--${given[0]} does not go with one decision.`
  throw new NornrError("invalid_option", problem, { remedy: "Leave one of the two out." })
}

async function list(options: TrailOptions): Promise<void> {
  await using audit = await openAudit(options)
  const owner = await oneOwner(audit, options)
  await withWallet(options, owner, async (wallet) => {
    const events: TrailEvent[] = []
    let [last, shown] = [0, 0]
    for await (const { seq } of wallet.trail({ last: 1 })) last = seq
    for await (const event of wallet.trail(queryOf(options))) {
      last = Math.max(last, event.seq)
      if (options.type !== undefined && !event.type.startsWith(options.type)) continue
      if (options.json && !options.follow) events.push(event)
      else {
        if (shown++ === 0 && !options.json) say(head())
        show(event, options)
      }
    }
    if (shown === 0 && !options.json && !options.follow) say("No event of that kind is there.")
    if (options.json && !options.follow) return emitJson({ owner, events })
    if (options.follow) await follow(wallet, options, last)
  })
}

function queryOf({ thread, agent, since, type, last }: TrailOptions) {
  const isAll = [since, thread, agent, type].some((each) => each !== undefined)
  return {
    ...(thread === undefined ? {} : { thread }),
    ...(agent === undefined ? {} : { agent }),
    ...(since === undefined ? {} : { since: sinceOf(since) }),
    ...(last === undefined && isAll ? {} : { last: positions(last ?? "40") }),
  }
}

function positions(text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number > 0) return number
  throw new NornrError("invalid_option", `--last is ${JSON.stringify(text)}.`, {
    remedy: "Use a whole number above zero.",
  })
}

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** An instant, or how long ago. */
export function sinceOf(text: string): string {
  const [, number, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? []
  if (unit !== undefined) return new Date(Date.now() - Number(number) * (units[unit] as number)).toISOString()
  if (/^\d{4}-.*(Z|[+-]\d\d:\d\d)$/.test(text)) return text
  throw new NornrError("invalid_option", `--since is ${JSON.stringify(text)}.`, {
    remedy: "Use ISO 8601 with a zone, such as 2026-11-22T00:00:00Z, or how long ago: 90m, 24h, 7d.",
  })
}

async function follow(wallet: Wallet, options: TrailOptions, after: number): Promise<void> {
  let next = after + 1
  const stop = new AbortController()
  process.once("SIGINT", () => stop.abort()).once("SIGTERM", () => stop.abort())
  const { last: _last, ...query } = queryOf(options)
  while (!stop.signal.aborted) {
    for await (const event of wallet.trail({ ...query, from: next })) {
      next = event.seq + 1
      if (options.type === undefined || event.type.startsWith(options.type)) show(event, options)
    }
    await pause(300, undefined, { signal: stop.signal }).catch(() => undefined)
  }
}

function show(event: TrailEvent, { json }: TrailOptions): void {
  if (json) process.stdout.write(`${JSON.stringify(event)}\n`)
  else say(eventLine(event))
}

function head(): string {
  return dim(
    `${"#".padStart(5)} ${"UTC".padEnd(14)} ${"event".padEnd(28)} ${"amount".padStart(8)} ${padded("to, by", screenWidth() - 69)}  decision`,
  )
}

/** One event in one line of 80 columns: position, time, what, how much, to whom, of which decision. */
function eventLine({ seq, at, type, data }: TrailEvent): string {
  const text = (name: string) => (typeof data[name] === "string" ? (data[name] as string) : "")
  const state = text("status") || text("state") || text("control") || text("kind")
  const money = type === "spend.adjusted" ? text("to") : text("cost") || text("amount")
  const who = type === "spend.adjusted" ? "" : text("to") || actorOf(text("agent"), text("by"), data)
  const what = `${type}${state === "" ? "" : ` ${state}`}`
  const shown =
    state === ""
      ? type.padEnd(28)
      : `${type} ${status(cut(state, 27 - type.length))}${" ".repeat(Math.max(0, 28 - what.length))}`
  const id = text("decision") === "" ? "" : dim(`…${text("decision").slice(-8)}`)
  const room = screenWidth() - (id === "" ? 59 : 69)
  return `${String(seq).padStart(5)} ${dim(clockTime(at).slice(5))} ${shown} ${money.padStart(8)} ${padded(cut(who, room), room)} ${id}`.trimEnd()
}

/** Whom it is about, and who did it. */
function actorOf(agent: string, by: string, data: TrailEvent["data"]): string {
  const self = data["selfApproved"] === true ? " (itself)" : ""
  return [agent && `agent ${agent}`, by && `by ${by}${self}`].filter(Boolean).join(", ")
}

async function one(given: string, options: TrailOptions): Promise<void> {
  requireNoFilter(options)
  await using audit = await openAudit(options)
  await using desk = await openReadingDesk(options)
  const id = await pastId(options, given)
  const decision = await desk.decision(id)
  if (decision === undefined) throw notFound(given)
  const { receiptTrail, disclosures } = await audit.packet(id)
  const events = receiptTrail["events"] as unknown as readonly TrailEvent[]
  if (options.json) return emitJson({ decision, events, disclosures })
  const said = (seq: number) => disclosures.find((each) => each.seq === seq && each.name === "remark")?.value
  const linesOf = (event: TrailEvent) => {
    const remark = said(event.seq)
    const quote = remark === undefined ? [] : wrapped(plain(`“${remark}”`), screenWidth(), " ".repeat(21))
    return [eventLine(event), ...quote.map(dim)]
  }
  say(...decisionLines(decision), "", ...events.flatMap(linesOf), "")
  say(dim(`nornr evidence packet ${plain(id)} makes a document of it that anyone can check`))
}

function notFound(id: string): NornrError {
  const remedy = "Check the id; `nornr trail` lists the last events."
  return new NornrError("decision_not_found", `There is no decision ${JSON.stringify(id)}.`, { remedy })
}
