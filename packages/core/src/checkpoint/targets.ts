import { NornrError } from "../error/nornr-error.ts"
import { fieldsOf } from "../input/fields.ts"
import { type Outside, parseOutside } from "../outside/outside.ts"
import { fetchText, send } from "../outside/send.ts"
import { longestNote, parseCheckpoint } from "../trail/note.ts"

/** Where checkpoints are kept, out of the reach of whoever keeps the ledger. */
export type CheckpointTarget =
  | {
      /** A file that holds the last one. */
      readonly file: string
    }
  | {
      /** A folder with a file for each, named by its size. */
      readonly directory: string
    }
  | Outside

/** @throws {NornrError} `invalid_option` */
export function parseTargets(input: unknown): readonly CheckpointTarget[] {
  if (input === undefined) return []
  if (!Array.isArray(input)) {
    throw new NornrError("invalid_option", "to is no list.", {
      remedy: "Pass a list of targets: to: [{ file }].",
    })
  }
  return input.map((each: unknown, index) => parseTarget(each, `to[${index}]`))
}

function parseTarget(input: unknown, path: string): CheckpointTarget {
  const allowed = ["file", "directory", "command", "url", "headers"]
  const fields = fieldsOf(input, { path, code: "invalid_option", allowed })
  const given = ["file", "directory", "command", "url"].filter((name) => fields.get(name) !== undefined)
  if (given.length !== 1)
    fields.refuse("url", fields.get("url"), "Give one of file, directory, command and url.")
  const [file, directory] = [fields.text("file", 4096), fields.text("directory", 4096)]
  if (file !== undefined) return { file }
  if (directory !== undefined) return { directory }
  return parseOutside(input, path, ["file", "directory"])
}

/**
 * The last checkpoint that a target holds; undefined where it holds none, or is a program, which cannot be asked.
 * @throws {NornrError} `target_failed`
 */
export async function lastOf(target: CheckpointTarget): Promise<string | undefined> {
  if ("file" in target) return readText(target.file)
  if ("directory" in target) return lastIn(target.directory)
  return target.url === undefined ? undefined : fetchText(target, longestNote)
}

async function lastIn(folder: string): Promise<string | undefined> {
  const names = (await list(folder)).filter((name) => isNumbered.test(name))
  for (const name of names.sort().reverse()) {
    const note = await readText(join(folder, name))
    if (parseCheckpoint(note) !== undefined) return note
  }
  return undefined
}

const isNumbered = /^\d{16}\.txt$/

/** @throws {NornrError} `target_failed` */
export async function publish(target: CheckpointTarget, note: string, size: number): Promise<void> {
  if ("file" in target) return writeWhole(target.file, note)
  if ("directory" in target) {
    return writeWhole(join(target.directory, `${String(size).padStart(16, "0")}.txt`), note)
  }
  return send(target, { body: note, method: "PUT", type: "text/plain; charset=utf-8" })
}

function files() {
  return globalThis.process.getBuiltinModule("node:fs/promises")
}

function join(folder: string, name: string): string {
  return globalThis.process.getBuiltinModule("node:path").join(folder, name)
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await files().readFile(path, "utf8")
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined
    throw fileFault(path, cause)
  }
}

async function list(folder: string): Promise<readonly string[]> {
  try {
    return await files().readdir(folder)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return []
    throw fileFault(folder, cause)
  }
}

/** The old one or the new one, never a part. */
async function writeWhole(path: string, text: string): Promise<void> {
  const fs = files()
  const draft = `${path}.${globalThis.crypto.randomUUID()}.draft`
  try {
    await fs.mkdir(globalThis.process.getBuiltinModule("node:path").dirname(path), { recursive: true })
    const file = await fs.open(draft, "w")
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await fs.rename(draft, path)
  } catch (cause) {
    await fs.rm(draft, { force: true }).catch(() => undefined)
    throw fileFault(path, cause)
  }
}

function fileFault(path: string, cause: unknown): NornrError {
  const problem = `${path} cannot be read or written (${(cause as Error).message}).`
  const remedy = "See to the path and its permissions; the checkpoint is kept in the ledger, too."
  return new NornrError("target_failed", problem, { remedy, cause })
}
