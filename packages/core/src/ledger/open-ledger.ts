import { NornrError } from "../error/nornr-error.ts"
import { atEdge } from "../input/at-edge.ts"
import { show } from "../input/show.ts"
import type { Ledger } from "./ledger.ts"
import { memoryLedger } from "./memory.ts"
import { defaultPlace, namedPlace, preparePlace, type Surroundings } from "./place.ts"
import { requireNodeSqlite } from "./sqlite/open-database.ts"
import { sqliteLedger } from "./sqlite/sqlite-ledger.ts"

/** Where a wallet keeps its decisions: a path, `memory:`, or a ledger of one's own. */
export type Place =
  | {
      /** A path of a SQLite file, `memory:` (gone when the last wallet on it closes), or a ledger object. */
      readonly ledger?: string | Ledger
      readonly baseUrl?: never
    }
  | {
      /** A control plane over HTTP; not part of this version. */
      readonly baseUrl: string
      readonly ledger?: never
    }

/** A ledger in use; released once when its user is done. */
export interface OpenedLedger {
  readonly ledger: Ledger
  release(): Promise<void>
}

interface Shared {
  readonly library: string
  readonly ledger: Promise<Ledger>
  users: number
}

const library = "node:sqlite"

/** Shared by every copy of this module in the process: a reloading dev server opens one file once. */
const registryName = Symbol.for("nornr.ledgers/1")

interface Opening {
  readonly surroundings?: Surroundings
  /** Whether a file may be made where there is none. */
  readonly mayCreate?: boolean
}

/**
 * Opens the ledger that code, else the environment (NORNR_LEDGER), else the default names.
 * @throws {NornrError} `invalid_option`, `unsupported`, and what opening throws
 */
export async function openLedger(
  place: Place,
  { surroundings = here(), mayCreate = true }: Opening = {},
): Promise<OpenedLedger> {
  const named = nameOf(place, surroundings.env)
  if (typeof named === "object") return { ledger: named, release: async () => undefined }
  if (named === "memory:") return share("memory:", async () => memoryLedger())
  const path = named === undefined ? defaultPlace(surroundings) : namedPlace(named, surroundings)
  requireNodeSqlite()
  const at = preparePlace(path, { isDefault: named === undefined, mayCreate })
  if (at.isNew) announce(at.path)
  return share(at.path, () => sqliteLedger(at.path))
}

function nameOf(place: Place, env: Surroundings["env"]): string | Ledger | undefined {
  const code = { ledger: place.ledger, baseUrl: place.baseUrl }
  const environment = {
    ledger: env["NORNR_LEDGER"] || undefined,
    baseUrl: env["NORNR_BASE_URL"] || undefined,
  }
  const source = code.ledger !== undefined || code.baseUrl !== undefined ? code : environment
  const [ledgerName, urlName] = source === code ? ["ledger", "baseUrl"] : ["NORNR_LEDGER", "NORNR_BASE_URL"]
  if (source.ledger !== undefined && source.baseUrl !== undefined) {
    const remedy = "Give one of them: the ledger here, or the control plane that has one."
    throw new NornrError("invalid_option", `${ledgerName} and ${urlName} are both given.`, { remedy })
  }
  if (source.baseUrl !== undefined) throw notYet(`${urlName} names a control plane over HTTP.`)
  return source.ledger === undefined ? undefined : checkName(source.ledger, ledgerName as string)
}

function checkName(value: unknown, field: string): string | Ledger {
  if (typeof value === "object" && value !== null && "commit" in value) return value as Ledger
  const fault = (remedy: string) =>
    new NornrError("invalid_option", `${field} is ${show(value)}.`, { remedy })
  if (typeof value !== "string" || value.trim() === "" || value.includes("\0")) {
    throw fault('Use a path such as "./spend.db", "memory:", or a ledger object.')
  }
  if (value === ":memory:" || value === "memory") throw fault('Use "memory:".')
  if (value.startsWith("~")) throw fault("Write the whole path: only a shell expands ~.")
  if (/^postgres(ql)?:/i.test(value)) throw notYet(`${field} names a PostgreSQL ledger.`)
  if (/^[a-z][a-z0-9+.-]+:/i.test(value) && value !== "memory:") throw fault("Use a path, not a URL.")
  return value
}

async function share(key: string, open: () => Promise<Ledger>): Promise<OpenedLedger> {
  const registry = sharedLedgers()
  const shared = registry.get(key) ?? { library, ledger: open(), users: 0 }
  if (shared.library !== library) {
    const problem = `${key} is open in this process through ${shared.library}: two SQLite libraries break its locks.`
    throw new NornrError("ledger_refused", problem, { remedy: "Open it through one of them." })
  }
  registry.set(key, shared)
  shared.users++
  const release = async () => {
    shared.users--
    if (shared.users > 0) return
    if (registry.get(key) === shared) registry.delete(key)
    await (await shared.ledger).close()
  }
  try {
    return { ledger: await shared.ledger, release: once(release) }
  } catch (error) {
    shared.users--
    if (registry.get(key) === shared) registry.delete(key)
    throw error
  }
}

function sharedLedgers(): Map<string, Shared> {
  const holder = globalThis as unknown as Record<symbol, Map<string, Shared> | undefined>
  holder[registryName] ??= new Map()
  return holder[registryName]
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= run()
    return running
  }
}

function here(): Surroundings {
  const process = globalThis.process as NodeJS.Process | undefined
  return {
    get cwd() {
      return atEdge("The working directory", "ledger_unavailable", () => process?.cwd() ?? "/")
    },
    env: process?.env ?? {},
  }
}

function announce(path: string): void {
  globalThis.process.stderr.write(`nornr: new ledger at ${path}\n`)
}

function notYet(problem: string): NornrError {
  const remedy = "This version keeps ledgers in SQLite files and in memory: name a path."
  return new NornrError("unsupported", problem, { remedy })
}
