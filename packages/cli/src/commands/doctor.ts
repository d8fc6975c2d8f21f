import { statSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { type AuditDesk, NornrError } from "@nornr/core"
import { Command } from "commander"
import { exitCodes } from "../exit-codes.ts"
import { type Common, openAudit, withCommon, withWallet } from "../options.ts"
import { plain, wrapped } from "../plain.ts"
import type { Exit } from "../program.ts"
import { count, dim, emitJson, paint, say, screenWidth } from "../screen.ts"

/** One thing that was looked at; what is not well says what to do. */
interface Finding {
  readonly what: string
  readonly level: "ok" | "warning" | "error"
  readonly said: string
  readonly remedy?: string
}

export function doctor(exit: Exit): Command {
  return withCommon(
    new Command("doctor").description(
      "look at Node, SQLite, permissions, the clock, the ledger and the frameworks",
    ),
  ).action(async (options: Common) => {
    const findings = [node(), sqlite(), ...(await ledger(options)), ...frameworks()]
    const isWell = findings.every(({ level }) => level !== "error")
    exit(isWell ? exitCodes.done : exitCodes.found)
    if (options.json) return emitJson({ ok: isWell, findings })
    for (const finding of findings) say(...linesOf(finding))
    say(
      "",
      isWell
        ? paint("green", "All is well enough to spend.")
        : paint("red", "Mend what is marked with ✗ first."),
    )
  })
}

const marks = { ok: ["✓", "green"], warning: ["!", "yellow"], error: ["✗", "red"] } as const

function linesOf({ what, level, said, remedy }: Finding): readonly string[] {
  const [mark, style] = marks[level]
  return [
    `${paint(style, mark)} ${what.padEnd(13)} ${plain(said)}`,
    ...(remedy === undefined ? [] : wrapped(remedy, screenWidth(), " ".repeat(16)).map(dim)),
  ]
}

function atLeast(version: string, oldest: readonly number[]): boolean {
  const parts = version.replace(/^v/, "").split(".").map(Number)
  const at = oldest.findIndex((part, index) => part !== (parts[index] ?? 0))
  return at < 0 || (parts[at] ?? 0) > (oldest[at] as number)
}

const newerNode = "Install Node.js 24.15 or newer, or 22.23 or newer."

function node(): Finding {
  const { node: version } = process.versions
  const isFine = atLeast(version, [24, 15]) || (version.startsWith("22.") && atLeast(version, [22, 23]))
  return isFine
    ? { what: "Node.js", level: "ok", said: version }
    : {
        what: "Node.js",
        level: "error",
        said: `${version} is too old.`,
        remedy: newerNode,
      }
}

type Sqlite = typeof import("node:sqlite")

/** Not imported: an older Node.js could not even start. */
const sqliteModule = (): Sqlite | undefined => process.getBuiltinModule("node:sqlite")

function sqlite(): Finding {
  const module = sqliteModule()
  if (module === undefined)
    return { what: "SQLite", level: "error", said: "this Node.js has none.", remedy: newerNode }
  const database = new module.DatabaseSync(":memory:")
  const version = String(database.prepare("SELECT sqlite_version() AS version").get()?.["version"])
  database.close()
  return atLeast(version, [3, 51, 3])
    ? { what: "SQLite", level: "ok", said: version }
    : {
        what: "SQLite",
        level: "error",
        said: `${version} can corrupt a ledger that two processes write.`,
        remedy: newerNode,
      }
}

async function ledger(options: Common): Promise<readonly Finding[]> {
  let audit: AuditDesk
  try {
    audit = await openAudit(options)
  } catch (error) {
    if (!NornrError.isInstance(error)) throw error
    const isMissing = error.code === "wallet_not_found"
    const said = error.message.slice(0, -error.remedy.length).trim()
    const remedy = isMissing ? "Make one with `nornr init`, or name it with --ledger." : error.remedy
    return [{ what: "ledger", level: isMissing ? "warning" : "error", said, remedy }]
  }
  await using _open = audit
  try {
    return await opened(options, audit)
  } catch (error) {
    if (!NornrError.isInstance(error)) throw error
    const said = error.message.slice(0, -error.remedy.length).trim()
    return [
      { what: "ledger", level: "ok", said: audit.ledger },
      { what: "file", level: "error", said, remedy: error.remedy },
    ]
  }
}

async function opened(options: Common, audit: AuditDesk): Promise<readonly Finding[]> {
  const path = audit.ledger
  if (path === "memory:")
    return [
      { what: "ledger", level: "warning", said: "in memory: gone with the process.", remedy: "Name a file." },
    ]
  return [
    { what: "ledger", level: "ok", said: path },
    permissions(path),
    log(path),
    pages(path),
    ...(await wallets(options, audit)),
  ]
}

function permissions(path: string): Finding {
  const open = [dirname(path), path].filter((each) => (statSync(each).mode & 0o077) !== 0)
  if (process.platform === "win32" || open.length === 0)
    return { what: "permissions", level: "ok", said: "only its owner can read it" }
  const isFile = open.includes(path)
  const said = `${open.join(" and ")} can be read by others.`
  return {
    what: "permissions",
    level: isFile ? "error" : "warning",
    said,
    remedy: `Run chmod go-rwx ${open.join(" ")}.`,
  }
}

function log(path: string): Finding {
  const size = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0
  if (size < 64 * 1024 * 1024)
    return { what: "log", level: "ok", said: `${Math.round(size / 1024)} KiB waiting` }
  return {
    what: "log",
    level: "warning",
    said: `${Math.round(size / 1_048_576)} MiB wait in the write-ahead log.`,
    remedy: "A reader holds it up: end what has the ledger open for long.",
  }
}

function pages(path: string): Finding {
  const { DatabaseSync } = sqliteModule() as Sqlite
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    const said = String(database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"])
    if (said === "ok") return { what: "file", level: "ok", said: "its pages are sound" }
    return {
      what: "file",
      level: "error",
      said,
      remedy: "Keep it as it is, restore a backup, and verify that against a checkpoint.",
    }
  } finally {
    database.close()
  }
}

async function wallets(options: Common, audit: AuditDesk): Promise<readonly Finding[]> {
  const owners = await audit.owners()
  const report = await audit.verify()
  const last = await Promise.all(owners.map((owner) => lastEvent(options, owner)))
  const ahead = owners.filter((_, index) => (last[index] ?? 0) - Date.now() > 300_000)
  const clock: Finding =
    ahead.length === 0
      ? { what: "clock", level: "ok", said: "not behind the ledger" }
      : {
          what: "clock",
          level: "error",
          said: `more than five minutes behind the last event of ${ahead.join(", ")}.`,
          remedy: "Set the clock right, or reset the wallet's at the review desk (resetClock).",
        }
  const trail: Finding = report.ok
    ? {
        what: "trail",
        level: "ok",
        said: `${count(report.wallets, "wallet")}, ${count(report.events, "event")}: sound`,
      }
    : { what: "trail", level: "error", said: report.message, remedy: "Run `nornr verify` for all of it." }
  const kept = await audit.lastCheckpoint()
  const checkpoint: Finding =
    kept === undefined
      ? {
          what: "checkpoint",
          level: "warning",
          said: "none was ever signed: a full rewrite would not show.",
          remedy: "Make a key with `nornr checkpoint init`, then `nornr checkpoint --watch`.",
        }
      : {
          what: "checkpoint",
          level: "ok",
          said: `${count(kept.size, "event")}, signed at ${kept.at.slice(0, 19)}Z`,
        }
  return [clock, trail, checkpoint]
}

async function lastEvent(options: Common, owner: string): Promise<number> {
  return withWallet(options, owner, async (wallet) => {
    for await (const { at } of wallet.trail({ last: 1 })) return Date.parse(at)
    return 0
  })
}

/** The adapters that are installed here, and the frameworks they are for. */
const peers: Readonly<Record<string, readonly (readonly [string, readonly number[]])[]>> = {
  "@nornr/langchain": [
    ["langchain", [1, 5, 0]],
    ["@langchain/core", [1, 2, 0]],
  ],
  "@nornr/langgraph": [
    ["@langchain/langgraph", [1, 4, 4]],
    ["@langchain/core", [1, 2, 0]],
  ],
  "@nornr/openai-agents": [["@openai/agents", [0, 17, 2]]],
}

function frameworks(): readonly Finding[] {
  return Object.entries(peers).flatMap(([adapter, needed]): readonly Finding[] => {
    if (versionOf(adapter) === undefined) return []
    return needed.map(([name, oldest]): Finding => {
      const version = versionOf(name)
      if (version === undefined)
        return {
          what: name,
          level: "warning",
          said: `not found; ${adapter} needs it.`,
          remedy: `Run npm install ${name}.`,
        }
      if (atLeast(version, oldest)) return { what: name, level: "ok", said: version }
      return {
        what: name,
        level: "error",
        said: `${version} is too old for ${adapter}.`,
        remedy: `Install ${oldest.join(".")} or newer.`,
      }
    })
  })
}

function versionOf(name: string): string | undefined {
  const require = createRequire(join(process.cwd(), "package.json"))
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return (require(join(folder, name, "package.json")) as { readonly version: string }).version
    } catch {
      // not in this folder
    }
  }
  return undefined
}
