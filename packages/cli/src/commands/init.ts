import { existsSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { intro, isCancel, outro, text } from "@clack/prompts"
import { NornrError, parseAmount, Wallet } from "@nornr/core"
import { Command } from "commander"
import { Interrupted } from "../interrupted.ts"
import { openAudit, place } from "../options.ts"
import { bold, dim, emitJson, paint, say } from "../screen.ts"

interface InitOptions {
  readonly ledger?: string
  readonly owner?: string
  readonly dailyLimit?: string
  readonly approvalAbove?: string
  readonly yes?: boolean
  readonly json?: boolean
}

export function init(): Command {
  return new Command("init")
    .description("make a wallet here, and show the lines to add")
    .option("--ledger <path>", "the ledger file (default: NORNR_LEDGER, else .nornr/ledger.db)")
    .option("--owner <name>", "whose budget it is (default: the package's name)")
    .option("--daily-limit <amount>", "at most this much a day, USD")
    .option("--approval-above <amount>", "a person decides above it, USD")
    .option("-y, --yes", "take the defaults, ask nothing")
    .option("--json", "one JSON document instead of text")
    .action(start)
}

interface Framework {
  readonly name: string
  readonly install: string
  readonly lines: (terms: Terms) => readonly string[]
}

interface Terms {
  readonly owner: string
  readonly dailyLimit: string
  readonly approvalAbove: string
  /** Where it is, if not in the place that the code would find by itself. */
  readonly ledger?: string
}

const createLines = ({ owner, dailyLimit, approvalAbove, ledger }: Terms) => [
  "const wallet = Wallet.create({",
  `  owner: ${JSON.stringify(owner)},`,
  ...(ledger === undefined ? [] : [`  ledger: ${JSON.stringify(ledger)},`]),
  `  dailyLimit: ${dailyLimit}, // USD`,
  `  requireApprovalAbove: ${approvalAbove},`,
  "})",
]

/** An adapter wraps tools in the framework's own form. */
function adapter(name: string, install: string): Framework {
  const lines = (terms: Terms) => [
    `import { governedTool, Wallet } from "${install}"`,
    "",
    ...createLines(terms),
    "",
    'const paid = governedTool(yourTool, { wallet, amount: 5, to: "vendor.example" })',
    "// amount and to may be functions of the tool's arguments; give `paid` to the agent",
  ]
  return { name, install, lines }
}

/** The first of them that package.json names. */
const frameworks: Readonly<Record<string, Framework>> = {
  "@langchain/langgraph": adapter("LangGraph", "@nornr/langgraph"),
  langchain: adapter("LangChain", "@nornr/langchain"),
  "@openai/agents": adapter("the OpenAI Agents SDK", "@nornr/openai-agents"),
}

const noFramework: Framework = {
  name: "no framework",
  install: "@nornr/core",
  lines: (terms) => [
    'import { governed, Wallet } from "@nornr/core"',
    "",
    ...createLines(terms),
    "",
    'const paid = governed(yourFunction, { name: "buy", wallet, amount: 5, to: "vendor.example" })',
    'const outcome = await paid(args, { key: "call_1" }) // known by its key: it runs once',
  ],
}

async function start(options: InitOptions): Promise<void> {
  if (options.ledger === "memory:") {
    const remedy = "Name a file: --ledger .nornr/ledger.db."
    throw new NornrError("invalid_option", "A wallet in memory: is gone when the command ends.", { remedy })
  }
  const manifest = readManifest(process.cwd())
  const framework = frameworkOf(manifest)
  await requireNone(options, ownerOf(options, manifest))
  const asked = await termsOf(options, manifest, framework)
  const { ledger } = place(options) as { readonly ledger?: string }
  const terms = ledger === undefined ? asked : { ...asked, ledger }
  const wallet = await Wallet.create({
    ...place(options),
    owner: terms.owner,
    dailyLimit: terms.dailyLimit,
    requireApprovalAbove: terms.approvalAbove,
  })
  const balance = await wallet.balance()
  await wallet.close()
  await using audit = await openAudit(options)
  const lines = framework.lines(terms)
  if (options.json) {
    const { install } = framework
    return emitJson({ ...terms, ledger: audit.ledger, framework: install, mandate: balance.mandate, lines })
  }
  say(
    `${paint("green", "✓")} The wallet of ${bold(terms.owner)}: ${terms.dailyLimit} USD a day, a person decides above ${terms.approvalAbove} USD.`,
    "",
  )
  say(dim(`  in ${audit.ledger}`), "")
  say(
    `Add these lines (found ${framework.name}; ${dim(`npm install ${framework.install}`)}):`,
    "",
    ...lines.map((line) => `  ${line}`),
    "",
  )
  say(dim("Then: nornr status · nornr approvals · nornr mandate simulate dailyLimit=…"))
}

/** A wallet that is there keeps its mandate. */
async function requireNone(options: InitOptions, owner: string): Promise<void> {
  try {
    await using audit = await openAudit(options)
    if (!(await audit.owners()).includes(owner)) return
  } catch (error) {
    if (NornrError.isInstance(error) && error.code === "wallet_not_found") return
    throw error
  }
  const remedy =
    "See it with `nornr mandate`, change it with `nornr mandate set`, or name another with --owner."
  throw new NornrError("invalid_option", `There is a wallet of ${JSON.stringify(owner)} already.`, { remedy })
}

function ownerOf({ owner }: InitOptions, { name }: Manifest): string {
  return owner ?? (typeof name === "string" && name !== "" ? name : basename(process.cwd()) || "agent")
}

interface Manifest {
  readonly name?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

function readManifest(folder: string): Manifest {
  const path = join(folder, "package.json")
  if (!existsSync(path)) return {}
  try {
    return { ...(JSON.parse(readFileSync(path, "utf8")) as Manifest | null) }
  } catch (cause) {
    throw new NornrError("invalid_option", `${path} holds no JSON.`, { remedy: "Mend it first.", cause })
  }
}

function frameworkOf({ dependencies, devDependencies }: Manifest): Framework {
  const found = Object.keys(frameworks).find((name) => name in { ...dependencies, ...devDependencies })
  return found === undefined ? noFramework : (frameworks[found] as Framework)
}

const defaults = { dailyLimit: "50", approvalAbove: "20" }

async function termsOf(options: InitOptions, manifest: Manifest, framework: Framework): Promise<Terms> {
  const owner = ownerOf(options, manifest)
  const asks = options.yes !== true && options.json !== true && process.stdin.isTTY === true
  const isMissing = options.dailyLimit === undefined || options.approvalAbove === undefined
  if (!asks && isMissing && options.yes !== true) {
    const remedy = "Give --daily-limit and --approval-above, or --yes for 50 and 20 USD."
    throw new NornrError("invalid_option", "Two answers are missing, and nobody can be asked here.", {
      remedy,
    })
  }
  if (asks && isMissing) intro(`A wallet for ${owner} (${framework.name})`)
  const ask = (given: string | undefined, message: string, initial: string) =>
    given ?? (asks ? question(message, initial) : initial)
  const dailyLimit = await ask(
    options.dailyLimit,
    "How much may it spend a day, in USD?",
    defaults.dailyLimit,
  )
  const approvalAbove = await ask(
    options.approvalAbove,
    "Above which amount does a person decide, in USD?",
    defaults.approvalAbove,
  )
  if (asks && isMissing) outro("Thank you.")
  return {
    owner,
    dailyLimit: amountOf(dailyLimit, "--daily-limit"),
    approvalAbove: amountOf(approvalAbove, "--approval-above"),
  }
}

async function question(message: string, initial: string): Promise<string> {
  const answer = await text({ message, initialValue: initial, validate: (value) => complaint(value ?? "") })
  if (isCancel(answer)) throw new Interrupted()
  return answer
}

function complaint(value: string): string | undefined {
  try {
    amountOf(value, "The amount")
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function amountOf(text: string, field: string): string {
  parseAmount(text.trim(), field, "USD")
  return text.trim()
}
