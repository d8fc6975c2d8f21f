import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { hostname, userInfo } from "node:os"
import { resolve } from "node:path"
import { AuditDesk, NornrError, ReviewDesk, Wallet } from "@nornr/core"
import { type Command, Option } from "commander"

/** Options that every command takes. */
export interface Common {
  readonly ledger?: string
  readonly owner?: string
  readonly json?: boolean
  readonly debug?: boolean
}

/** Of commands that do something at the review desk. */
export interface Acting extends Common {
  readonly as?: string
  readonly privateKey?: string
  readonly allowSelfApproval?: boolean
}

export function withCommon(command: Command): Command {
  return command
    .option("--ledger <path>", "the ledger file (default: NORNR_LEDGER, else .nornr/ledger.db)")
    .option("--owner <name>", "the wallet, where the ledger has several")
    .option("--json", "one JSON document instead of text (with --watch and --follow, one a line)")
    .addOption(new Option("--debug", "show where an error comes from").hideHelp())
}

export function withReviewer(command: Command): Command {
  return withCommon(command)
    .option(
      "--as <name>",
      "who acts, on record (default: NORNR_REVIEWER, git's user.email, the system's user)",
    )
    .option("--private-key <file>", "Ed25519 key in PEM, where the mandate names reviewers")
    .option("--allow-self-approval", "act although named as the owner or an agent; marked in the trail")
}

/** A path means what it means in the shell: it begins at the working directory. */
export function place({ ledger }: Common): { readonly ledger: string } | Record<never, never> {
  if (ledger === undefined) return {}
  return { ledger: ledger.trim() === "" || /^[a-z][\w+.-]+:/i.test(ledger) ? ledger : resolve(ledger) }
}

/** Who acts: the option, the environment, git, the operating system. */
function reviewerName({ as }: Acting): string {
  return (
    as ?? (process.env["NORNR_REVIEWER"] || undefined) ?? gitEmail() ?? `${userInfo().username}@${hostname()}`
  )
}

function gitEmail(): string | undefined {
  try {
    const email = execFileSync("git", ["config", "user.email"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    })
    return email.trim() === "" ? undefined : email.trim()
  } catch {
    return undefined
  }
}

export async function openDesk(options: Acting): Promise<ReviewDesk> {
  const { owner, privateKey = process.env["NORNR_REVIEWER_KEY"] || undefined, allowSelfApproval } = options
  return ReviewDesk.open({
    ...place(options),
    reviewer: reviewerName(options),
    ...(owner === undefined ? {} : { owner }),
    ...(privateKey === undefined ? {} : { privateKey: readText(privateKey) }),
    ...(allowSelfApproval === undefined ? {} : { allowSelfApproval }),
  })
}

/** The desk of who only reads: no name and no key of a reviewer is needed. */
export function openReadingDesk(options: Common): Promise<ReviewDesk> {
  const { owner } = options
  return ReviewDesk.open({ ...place(options), reviewer: "nornr", ...(owner === undefined ? {} : { owner }) })
}

export function openAudit(options: Common): Promise<AuditDesk> {
  return AuditDesk.open(place(options))
}

/** The owners that a command is about: the one that was named, or all of the ledger. */
export async function ownersOf(audit: AuditDesk, { owner }: Common): Promise<readonly string[]> {
  const owners = await audit.owners()
  if (owner === undefined) return owners
  if (owners.includes(owner)) return [owner]
  const remedy = `Use one of: ${namesOf(owners)}.`
  throw new NornrError("wallet_not_found", `The ledger has no wallet of ${JSON.stringify(owner)}.`, {
    remedy,
  })
}

function namesOf(owners: readonly string[]): string {
  return owners
    .slice(0, 10)
    .map((owner) => JSON.stringify(owner))
    .join(", ")
}

/** The one wallet that a command is about. */
export async function oneOwner(audit: AuditDesk, options: Common): Promise<string> {
  const [owner, second] = await ownersOf(audit, options)
  if (owner !== undefined && second === undefined) return owner
  const remedy =
    second === undefined
      ? "Make one with `nornr init`."
      : `Name one with --owner: ${namesOf(await audit.owners())}.`
  throw new NornrError(
    "invalid_option",
    `The ledger has ${second === undefined ? "no wallet" : "several wallets"}.`,
    { remedy },
  )
}

export async function withWallet<T>(
  options: Common,
  owner: string,
  use: (wallet: Wallet) => Promise<T>,
): Promise<T> {
  const wallet = await Wallet.connect({ ...place(options), owner })
  try {
    return await use(wallet)
  } finally {
    await wallet.close()
  }
}

/** @throws {NornrError} `invalid_option`, naming the file */
export function readText(path: string): string {
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8")
  } catch (cause) {
    const problem = `${path} cannot be read.`
    throw new NornrError("invalid_option", problem, { remedy: "Check the path and its permissions.", cause })
  }
}

/** @throws {NornrError} `invalid_option` */
export function readJson(path: string): unknown {
  return parseJson(readText(path), path)
}

/** @throws {NornrError} `invalid_option`, naming the file */
export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new NornrError("invalid_option", `${path} holds no JSON.`, {
      remedy: "Check what was written to it.",
      cause,
    })
  }
}

export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
