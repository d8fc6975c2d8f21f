import { type MandateRecord, type MandateTerms, NornrError, type Simulation } from "@nornr/core"
import { Command } from "commander"
import {
  type Acting,
  type Common,
  oneOwner,
  openAudit,
  openDesk,
  readJson,
  withCommon,
  withReviewer,
} from "../options.ts"
import { cut, plain, wrapped } from "../plain.ts"
import { bold, count, dim, emitJson, paint, say, screenWidth, status, table } from "../screen.ts"
import { sinceOf } from "./trail.ts"

interface AgentOption {
  readonly agent?: string
}

interface TermsOption {
  readonly file?: string
}

export function mandate(): Command {
  const command = withCommon(
    new Command("mandate").description("the rules of a wallet: show, set, diff, simulate"),
  ).action(show)
  const agent = (each: Command) => each.option("--agent <name>", "an agent's own terms")
  const terms = (each: Command) =>
    each
      .argument("[term=value...]", "such as dailyLimit=80 requireApprovalAbove=25; term=null removes one")
      .option("--file <json>", "terms as JSON, for limits, rules and reviewers")
  command.addCommand(
    withCommon(new Command("show").description("the terms in force, and who set them")).action(show),
  )
  command.addCommand(
    terms(
      agent(withReviewer(new Command("set").description("set terms, as a reviewer; what is left out stays"))),
    ).action(set),
  )
  command.addCommand(
    agent(
      withCommon(
        new Command("diff").description("what changed between two versions; by default, the last change"),
      ),
    )
      .argument("[from]")
      .argument("[to]")
      .action(diff),
  )
  command.addCommand(
    terms(
      agent(
        withCommon(
          new Command("simulate").description("what other terms would have decided, with its money"),
        ),
      ),
    )
      .option("--since <time>", "ISO 8601 with a zone, or such as 24h, 7d (default: all)")
      .action(simulate),
  )
  return command
}

/** Terms from `name=value` and a file; values are JSON where they can be, else text. */
function termsOf(pairs: readonly string[], { file }: TermsOption): MandateTerms {
  const fromFile = file === undefined ? {} : readJson(file)
  if (typeof fromFile !== "object" || fromFile === null || Array.isArray(fromFile)) {
    throw new NornrError("invalid_mandate", `${file} holds no terms.`, {
      remedy: 'Write an object: { "dailyLimit": 80 }.',
    })
  }
  const given = pairs.map((pair) => {
    const [, name = "", value = ""] = /^(\w+)=([\s\S]*)$/.exec(pair) ?? []
    if (name !== "") return [name, jsonOrText(value)] as const
    throw new NornrError("invalid_mandate", `${JSON.stringify(pair)} is no term.`, {
      remedy: "Write name=value, such as dailyLimit=80.",
    })
  })
  const terms = { ...fromFile, ...Object.fromEntries(given) }
  if (Object.keys(terms).length > 0) return terms
  throw new NornrError("invalid_mandate", "No term is given.", {
    remedy: "Write name=value, such as dailyLimit=80, or --file.",
  })
}

function jsonOrText(text: string): unknown {
  if (/^\d+(\.\d+)?$/.test(text)) return text.includes(".") || text.length > 6 ? text : Number(text)
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

async function show(options: Common): Promise<void> {
  await using audit = await openAudit(options)
  const owner = await oneOwner(audit, options)
  const mandates = await audit.mandates(owner)
  if (options.json) return emitJson({ owner, mandates })
  for (const each of mandates) {
    const by = each.by === undefined ? "by code" : `by ${plain(each.by)}`
    const whose = each.agent === undefined ? owner : `${owner} · agent ${each.agent}`
    const control = each.control === undefined ? "" : `  ${paint("red", each.control)}`
    const set =
      each.version === 0
        ? "no terms of its own"
        : `version ${each.version}, set ${by} at ${each.at.slice(0, 19)}Z`
    say(`${bold(plain(whose))}${control}  ${dim(set)}`)
    for (const [name, value] of Object.entries(each.terms)) say(...termLines(name, value))
    if (each.version > 0) say(`  ${dim("hash".padEnd(22))} ${each.hash.slice(0, 32)}…`)
    say("")
  }
}

async function set(pairs: readonly string[], options: Acting & AgentOption & TermsOption): Promise<void> {
  const terms = termsOf(pairs, options)
  await using audit = await openAudit(options)
  const owner = await oneOwner(audit, options)
  const before = await current(audit, owner, options.agent)
  await using desk = await openDesk({ ...options, owner })
  await desk.amend(terms, options.agent === undefined ? {} : { agent: options.agent })
  const after = await current(audit, owner, options.agent)
  if (options.json) return emitJson({ mandate: after })
  say(...diffLines(before, after))
  const isSet = after?.version !== before?.version
  if (isSet) return say(dim(`by ${plain(desk.reviewer)}; from now on the terms in code are ignored`))
  say(dim(`nothing was recorded: who set them stays ${after?.by === undefined ? "code" : plain(after.by)}`))
}

/** A term and its value; of a list, an entry a line. */
function termLines(name: string, value: unknown, mark: string = " "): readonly string[] {
  const entries = Array.isArray(value) ? value : [value]
  return entries.flatMap((entry, index) =>
    hanging(`  ${mark} ${(index === 0 ? name : "").padEnd(20)} `, plain(JSON.stringify(entry))),
  )
}

/** What does not fit in a line goes on below, under blanks. */
function hanging(start: string, text: string): readonly string[] {
  const blanks = " ".repeat(start.length)
  return wrapped(text, screenWidth(), blanks).map((line, index) =>
    index === 0 ? start + line.slice(start.length) : line,
  )
}

type Audit = Awaited<ReturnType<typeof openAudit>>

async function current(
  audit: Audit,
  owner: string,
  agent: string | undefined,
): Promise<MandateRecord | undefined> {
  return (await audit.mandates(owner)).find((each) => each.agent === agent)
}

async function diff(
  from: string | undefined,
  to: string | undefined,
  options: Common & AgentOption,
): Promise<void> {
  await using audit = await openAudit(options)
  const owner = await oneOwner(audit, options)
  const versions = await audit.mandateVersions(owner, options.agent)
  const find = (version: string | undefined, otherwise: MandateRecord | undefined) => {
    if (version === undefined) return otherwise
    const found = versions.find((each) => String(each.version) === version)
    if (found !== undefined) return found
    const remedy = `Use one of: ${versions.map((each) => each.version).join(", ")}.`
    throw new NornrError("invalid_option", `There is no version ${JSON.stringify(version)}.`, { remedy })
  }
  const later = find(to, versions.at(-1))
  const earlier = find(
    from,
    versions.findLast((each) => each.version < (later?.version ?? 0)),
  )
  if (options.json) return emitJson({ from: earlier ?? null, to: later ?? null })
  say(...diffLines(earlier, later))
}

function diffLines(before: MandateRecord | undefined, after: MandateRecord | undefined): readonly string[] {
  const [old, now] = [before?.terms ?? {}, after?.terms ?? {}]
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort()
  const changed = names.filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name]))
  const head = bold(`version ${before?.version ?? 0} → ${after?.version ?? 0}`)
  if (changed.length === 0) return [head, dim("  the same terms")]
  const lines = changed.flatMap((name) => [
    ...(old[name] === undefined ? [] : termLines(name, old[name], "-").map((line) => paint("red", line))),
    ...(now[name] === undefined ? [] : termLines(name, now[name], "+").map((line) => paint("green", line))),
  ])
  return [head, ...lines]
}

async function simulate(
  pairs: readonly string[],
  options: Common & AgentOption & TermsOption & { readonly since?: string },
): Promise<void> {
  const terms = termsOf(pairs, options)
  await using audit = await openAudit(options)
  const owner = await oneOwner(audit, options)
  const { agent, since } = options
  const simulation = await audit.simulate(terms, {
    owner,
    ...(agent === undefined ? {} : { agent }),
    ...(since === undefined ? {} : { since: sinceOf(since) }),
  })
  if (options.json) return emitJson(simulation)
  say(...simulationLines(simulation))
}

function simulationLines({
  decisions,
  currency,
  actual,
  simulated,
  changes,
  examples,
}: Simulation): readonly string[] {
  const row = (verdict: "approved" | "queued" | "rejected") => [
    status(verdict),
    String(actual[verdict].count),
    actual[verdict].amount,
    String(simulated[verdict].count),
    simulated[verdict].amount,
  ]
  const rows = [row("approved"), row("queued"), row("rejected")]
  return [
    bold(`${count(decisions, "decision")}, decided anew`),
    table(["", "were", currency, "would be", currency], rows, [1, 2, 3, 4]),
    "",
    ...(changes.length === 0 ? [dim("  nothing would be decided otherwise")] : []),
    ...changes.map(
      ({ from, to, count: number, amount }) =>
        `  ${count(number, "decision")} of ${amount} ${currency}: ${status(from)} → ${status(to)}`,
    ),
    ...examples
      .slice(0, 5)
      .map(({ decision, amount, to, reasons }) =>
        dim(
          `    …${decision.slice(-8)}  ${amount} to ${cut(`${to}: ${reasons.join(", ")}`, screenWidth() - 36)}`,
        ),
      ),
    "",
    dim("  What would be queued is taken for approved, and what never ran counts in full."),
  ]
}
