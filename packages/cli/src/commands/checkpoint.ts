import { existsSync, renameSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import {
  type CheckpointTarget,
  createCheckpointKey,
  type NewKey,
  NornrError,
  publishCheckpoints,
} from "@nornr/core"
import { Command } from "commander"
import {
  type Acting,
  type Common,
  collect,
  openAudit,
  openDesk,
  place,
  readText,
  withCommon,
  withReviewer,
} from "../options.ts"
import { wrapped } from "../plain.ts"
import { complain, count, dim, emitJson, paint, say, screenWidth } from "../screen.ts"
import { deliver } from "./evidence.ts"

interface Signing extends Common {
  readonly key?: string
  readonly toFile?: readonly string[]
  readonly toDirectory?: readonly string[]
  readonly toCommand?: readonly string[]
  readonly toUrl?: readonly string[]
  readonly header?: readonly string[]
  readonly watch?: boolean
  readonly everyEvents?: string
  readonly everySeconds?: string
}

export function checkpoint(): Command {
  const command = withCommon(
    new Command("checkpoint").description(
      "sign what there is now, and keep it where the ledger's owner cannot rewrite it",
    ),
  )
    .option("--key <file>", "the private key (default: checkpoint.key beside the ledger)")
    .option("--to-file <path>", "keep the last one in a file", collect)
    .option("--to-directory <path>", "keep each in a folder", collect)
    .option(
      "--to-command <command>",
      "a program and its arguments, split at spaces; it reads standard input",
      collect,
    )
    .option("--to-url <url>", "HTTP PUT, after a GET of what is there", collect)
    .option("--header <name: value>", "a header of the PUT", collect)
    .option("--watch", "go on: whenever there are new events")
    .option("--every-events <n>", "with --watch: at the latest after so many events (default: 1000)")
    .option("--every-seconds <n>", "with --watch: at the latest so long after an event (default: 60)")
    .action((options: Signing) => {
      requireUsed(options)
      return options.watch ? watch(options) : once(options)
    })
  command.addCommand(
    withReviewer(new Command("init").description("make the key that signs, and put it on record"))
      .requiredOption("--name <name>", "the name of the log, such as example.com/spend")
      .option("--key <file>", "where (default: checkpoint.key beside the ledger)")
      .action(init),
  )
  command.addCommand(
    withReviewer(
      new Command("rotate").description("replace the key: the old one signs that the new one follows"),
    )
      .requiredOption("--name <name>", "the name of the log")
      .option("--key <file>", "the key to replace (default: checkpoint.key beside the ledger)")
      .action(rotate),
  )
  command.addCommand(
    withCommon(new Command("prove").description("show that the ledger has only grown since a checkpoint"))
      .argument("<checkpoint>", "a file with the earlier one")
      .option("-o, --output <file>", "a new file (default: standard output)")
      .action(async (path: string, options: Common & { readonly output?: string }) => {
        await using audit = await openAudit(options)
        deliver(await audit.proveConsistency(readText(path)), options, "")
      }),
  )
  return command
}

/** @throws {NornrError} `invalid_option` for an option that says nothing here */
function requireUsed({ watch, everyEvents, everySeconds, header, toUrl }: Signing): void {
  const isPaced = everyEvents !== undefined || everySeconds !== undefined
  const refuse = (problem: string, remedy: string) => {
    throw new NornrError("invalid_option", problem, { remedy })
  }
  if (isPaced && watch !== true) refuse("--every-events and --every-seconds go with --watch.", "Add it.")
  if (header !== undefined && toUrl?.length !== 1)
    refuse("--header goes with one --to-url.", "Name one; a header of one server is not for another.")
}

async function keyPath(options: Common & { readonly key?: string }): Promise<string> {
  if (options.key !== undefined) return options.key
  await using audit = await openAudit(options)
  return join(dirname(audit.ledger), "checkpoint.key")
}

async function once(options: Signing): Promise<void> {
  const key = await keyPath(options)
  await using audit = await openAudit(options)
  const made = await audit.checkpoint({ key, to: targetsOf(options) })
  if (options.json) return emitJson(made)
  process.stdout.write(made.note)
  process.stderr.write(
    `${dim(`signed at ${count(made.size, "event")}; keep it where whoever writes the ledger cannot`)}\n`,
  )
}

async function watch(options: Signing): Promise<void> {
  const { everyEvents, everySeconds } = options
  const stop = new AbortController()
  const end = () => stop.abort()
  process.once("SIGINT", end).once("SIGTERM", end)
  await using audit = await openAudit(options)
  const publishing = await publishCheckpoints({
    ...place(options),
    key: await keyPath(options),
    to: targetsOf(options),
    ...(everyEvents === undefined ? {} : { everyEvents: Number(everyEvents) }),
    ...(everySeconds === undefined ? {} : { everySeconds: Number(everySeconds) }),
    onError: (error: NornrError) => complain(error.message),
  } as Parameters<typeof publishCheckpoints>[0])
  process.stderr.write("signing checkpoints; Ctrl+C ends it\n")
  let told = -1
  const tell = async () => {
    const kept = await audit.lastCheckpoint()
    if (kept === undefined || kept.size === told) return
    told = kept.size
    if (options.json) process.stdout.write(`${JSON.stringify(kept)}\n`)
    else say(`${kept.at.slice(0, 19)}Z signed at ${count(kept.size, "event")}`)
  }
  while (!stop.signal.aborted) {
    await tell()
    await pause(500, undefined, { signal: stop.signal }).catch(() => undefined)
  }
  await publishing.close()
  await tell()
}

function targetsOf({
  toFile = [],
  toDirectory = [],
  toCommand = [],
  toUrl = [],
  header = [],
}: Signing): readonly CheckpointTarget[] {
  const headers = Object.fromEntries(header.map(headerOf))
  return [
    ...toFile.map((file) => ({ file })),
    ...toDirectory.map((directory) => ({ directory })),
    ...toCommand.map((command) => ({ command: command.split(/\s+/).filter(Boolean) })),
    ...toUrl.map((url) => ({ url, headers })),
  ]
}

function headerOf(text: string): readonly [string, string] {
  const [, name = "", value = ""] = /^([\w-]+):\s*(.*)$/.exec(text) ?? []
  if (name !== "") return [name, value]
  throw new NornrError("invalid_option", "A --header is no header.", { remedy: 'Write "name: value".' })
}

async function init(options: Acting & { readonly name: string; readonly key?: string }): Promise<void> {
  const made = await createCheckpointKey(await keyPath(options), options.name)
  await recorded(options, made)
  if (options.json) return emitJson(made)
  say(
    `${paint("green", "Made")} ${made.path}, which only you can read, and put it on record.`,
    ...pinText(made.publicKey),
    ...wrapped(
      "Whoever has the private key can sign another story: keep it, and the checkpoints, away from the agents.",
      screenWidth(),
    ).map(dim),
  )
}

/** Puts a new key on record; where that is refused, there is no new key. */
async function recorded(options: Acting, made: NewKey, previous?: string): Promise<void> {
  try {
    await using desk = await openDesk(options)
    await desk.recordCheckpointKey(made.publicKey, previous === undefined ? {} : { previous })
  } catch (error) {
    for (const path of [made.path, `${made.path}.pub`]) rmSync(path, { force: true })
    throw error
  }
}

function pinText(publicKey: string): readonly string[] {
  return ["", "Pin this key where you verify:", "", `  ${publicKey}`, ""]
}

async function rotate(options: Acting & { readonly name: string; readonly key?: string }): Promise<void> {
  const path = await keyPath(options)
  if (!existsSync(path)) {
    const remedy = "Make one with `nornr checkpoint init`."
    throw new NornrError("invalid_option", `There is no key at ${path}.`, { remedy })
  }
  const old = `${path}.${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.old`
  if (existsSync(`${path}.new`)) {
    const remedy =
      "A rotation broke off: remove it, unless `nornr trail --type checkpoint.key --json` names its .pub."
    throw new NornrError("invalid_option", `There is a key at ${path}.new.`, { remedy })
  }
  const made = await createCheckpointKey(`${path}.new`, options.name)
  await recorded(options, made, path)
  const moves = [
    [path, old],
    [`${path}.pub`, `${old}.pub`],
    [made.path, path],
    [`${made.path}.pub`, `${path}.pub`],
  ]
  for (const [from = "", to = ""] of moves) if (existsSync(from)) renameSync(from, to)
  if (options.json) return emitJson({ path, publicKey: made.publicKey, previous: old })
  say(
    `${paint("green", "Replaced")} ${path}.`,
    `The key before is ${old}; it has signed, on record, that this one follows.`,
    ...pinText(made.publicKey),
    ...wrapped(
      "Keep the old one pinned beside it: what was signed before was signed by that one. Sign anew with `nornr checkpoint`.",
      screenWidth(),
    ).map(dim),
  )
}
