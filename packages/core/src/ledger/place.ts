import { NornrError } from "../error/nornr-error.ts"
import { requireLocal } from "./file-system.ts"

export interface Surroundings {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
}

interface NodeFiles {
  readonly fs: typeof import("node:fs")
  readonly path: typeof import("node:path")
}

/** A file that a ledger is in or will be in. */
export interface LedgerPlace {
  /** Absolute, with links resolved. */
  readonly path: string
  readonly isNew: boolean
}

const folderName = ".nornr"

/** What a serverless platform sets: a file made there is gone with the instance, and the budget with it. */
const serverless = [
  "AWS_LAMBDA_FUNCTION_NAME",
  "VERCEL",
  "NETLIFY",
  "K_SERVICE",
  "FUNCTIONS_WORKER_RUNTIME",
  "DENO_DEPLOYMENT_ID",
  "CF_PAGES",
]

/** What marks the root of a workspace, beside a package.json with `workspaces`. */
const workspaceFiles = ["pnpm-workspace.yaml", "lerna.json", "nx.json", "turbo.json", "rush.json"]

/**
 * The default place: `ledger.db` in the nearest `.nornr` above the working directory, else in a new one at the
 * root of the workspace, else beside package.json, else here.
 * @throws {NornrError} `ledger_not_durable`
 */
export function defaultPlace(surroundings: Surroundings): string {
  const files = nodeFiles()
  const platform = serverless.find((name) => surroundings.env[name] !== undefined)
  if (platform !== undefined) throw notDurable(`This runs on a serverless platform (${platform} is set).`)
  return files.path.join(baseFolder(files, surroundings.cwd), folderName, "ledger.db")
}

/**
 * The place that was named; a relative path starts at the folder that holds `.nornr` or would hold it, so that
 * all packages of a workspace mean the same file.
 * @throws {NornrError} `ledger_not_durable`
 */
export function namedPlace(name: string, surroundings: Surroundings): string {
  const files = nodeFiles()
  return files.path.isAbsolute(name) ? name : files.path.resolve(baseFolder(files, surroundings.cwd), name)
}

/**
 * Makes the file and its folders where they are missing, or says why not.
 * @throws {NornrError} `wallet_not_found`, `ledger_not_durable`, `ledger_unavailable`, `ledger_refused`
 */
export function preparePlace(
  path: string,
  { isDefault, mayCreate }: { readonly isDefault: boolean; readonly mayCreate: boolean },
): LedgerPlace {
  const files = nodeFiles()
  if (!mayCreate && !(files.fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0)) {
    const remedy = "Make the wallet with Wallet.create first, or check the path and the working directory."
    throw new NornrError("wallet_not_found", `There is no ledger at ${path}.`, { remedy })
  }
  try {
    const folder = files.path.dirname(path)
    if (files.path.basename(folder) === folderName) makeFolder(files, folder)
    else makeFolders(files, folder, 0o777)
    return makeFile(files, path)
  } catch (cause) {
    if (NornrError.isInstance(cause)) throw cause
    const problem = `The ledger ${path} cannot be made or opened (${(cause as Error).message}).`
    if (isDefault) throw notDurable(problem, cause)
    const remedy = "Name a file in a folder that this process can write."
    throw new NornrError("ledger_unavailable", problem, { remedy, cause })
  }
}

function nodeFiles(): NodeFiles {
  const load = globalThis.process?.getBuiltinModule
  if (load === undefined) throw notDurable("This runtime has no file system.")
  return { fs: load("node:fs"), path: load("node:path") }
}

/** The folder that holds `.nornr`, else the one that would. */
function baseFolder({ fs, path }: NodeFiles, cwd: string): string {
  const folders = upwards(path, cwd)
  const has = (folder: string, name: string) => fs.existsSync(path.join(folder, name))
  const isFolder = (at: string) => fs.statSync(at, { throwIfNoEntry: false })?.isDirectory() === true
  const isWorkspace = (folder: string) =>
    workspaceFiles.some((name) => has(folder, name)) || hasWorkspaces(fs, path.join(folder, "package.json"))
  return (
    folders.find((folder) => isFolder(path.join(folder, folderName))) ??
    folders.find(isWorkspace) ??
    folders.find((folder) => has(folder, "package.json")) ??
    cwd
  )
}

function hasWorkspaces(fs: NodeFiles["fs"], manifest: string): boolean {
  try {
    return "workspaces" in (JSON.parse(fs.readFileSync(manifest, "utf8")) as object)
  } catch {
    return false
  }
}

function upwards(path: NodeFiles["path"], from: string): readonly string[] {
  const folders = [path.resolve(from)]
  for (;;) {
    const parent = path.dirname(folders.at(-1) as string)
    if (parent === folders.at(-1)) return folders
    folders.push(parent)
  }
}

/** For the owner's eyes only, and out of every repository. */
function makeFolder(files: NodeFiles, folder: string): void {
  const { fs, path } = files
  makeFolders(files, folder, 0o700)
  const ignore = path.join(folder, ".gitignore")
  if (!fs.existsSync(ignore)) fs.writeFileSync(ignore, "*\n", { mode: 0o600 })
}

/** One by one: Node's own recursive mkdir never returns where the kernel says ENOENT, as under /proc. */
function makeFolders({ fs, path }: NodeFiles, folder: string, mode: number): void {
  const missing = upwards(path, folder).filter((each) => !fs.existsSync(each))
  for (const each of missing.reverse()) {
    try {
      fs.mkdirSync(each, { mode })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    }
  }
}

/**
 * Makes the file where it is missing, so that it is owner-only from its first byte and its name is durable. One that is
 * there is not opened: closing it would drop the locks that SQLite has on it in this process (POSIX fcntl).
 */
function makeFile({ fs, path }: NodeFiles, file: string): LedgerPlace {
  const isNew = !fs.existsSync(file)
  if (isNew) {
    requireLocal(fs, path.dirname(file))
    fs.closeSync(fs.openSync(file, "a", 0o600))
    syncFolder(fs, path.dirname(file))
  } else {
    fs.accessSync(file, fs.constants.R_OK | fs.constants.W_OK)
    if (!fs.statSync(file).isFile()) throw new Error("It is no file.")
  }
  const real = fs.realpathSync(file)
  requireLocal(fs, path.dirname(real))
  return { path: real, isNew }
}

function syncFolder(fs: NodeFiles["fs"], folder: string): void {
  if (globalThis.process.platform === "win32") return
  const handle = fs.openSync(folder, "r")
  try {
    fs.fsyncSync(handle)
  } finally {
    fs.closeSync(handle)
  }
}

function notDurable(problem: string, cause?: unknown): NornrError {
  const remedy =
    "A fresh file would be a fresh budget. Name a place that lasts: ledger: '/a/path/that/lasts.db' or NORNR_LEDGER, a PostgreSQL ledger, or a control plane with baseUrl."
  return new NornrError("ledger_not_durable", problem, { remedy, cause })
}
