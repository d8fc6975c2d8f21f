import { NornrError } from "../error/nornr-error.ts"
import {
  type CheckpointKey,
  newCheckpointKey,
  parsePrivateKey,
  privateKeyText,
  publicKeyText,
} from "../trail/note.ts"

/** A key that was made: where it is, and what verifiers pin. */
export interface NewKey {
  /** The private key, for its owner's eyes alone. */
  readonly path: string
  readonly publicKey: string
}

/**
 * Makes a key that signs checkpoints, in a new file that only its owner can read, with the public key beside it
 * (`.pub`).
 * @throws {NornrError} `invalid_option` for a name that a note cannot hold, or a file that is there already
 */
export async function createCheckpointKey(path: string, name: string): Promise<NewKey> {
  const key = newCheckpointKey(name)
  const { chmod, open } = globalThis.process.getBuiltinModule("node:fs/promises")
  try {
    const file = await open(path, "wx", 0o600)
    try {
      await file.writeFile(`${privateKeyText(key)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await chmod(path, 0o600)
    await writePublic(`${path}.pub`, `${publicKeyText(key)}\n`, path)
  } catch (cause) {
    const { code, path: at = path } = cause as NodeJS.ErrnoException
    const isThere = code === "EEXIST"
    const problem = isThere ? `There is a file at ${at} already.` : `The key ${at} cannot be written.`
    const remedy = isThere
      ? "A key is never replaced: name another file."
      : "Name a folder that you can write."
    throw new NornrError("invalid_option", problem, { remedy, cause })
  }
  return { path, publicKey: publicKeyText(key) }
}

/** Where a public key is there already, there is no new private one, either. */
async function writePublic(path: string, text: string, privatePath: string): Promise<void> {
  const { rm, writeFile } = globalThis.process.getBuiltinModule("node:fs/promises")
  try {
    await writeFile(path, text, { flag: "wx" })
  } catch (error) {
    await rm(privatePath, { force: true })
    throw error
  }
}

/**
 * Reads a private key, from its text or from its file.
 * @throws {NornrError} `invalid_option` for none, and for a file that others can read
 */
export async function readCheckpointKey(key: unknown): Promise<CheckpointKey> {
  if (typeof key !== "string" || key.trim().startsWith("PRIVATE+KEY+")) return parsePrivateKey(key, "key")
  const { readFile, stat } = globalThis.process.getBuiltinModule("node:fs/promises")
  try {
    const { mode } = await stat(key)
    if (globalThis.process.platform !== "win32" && (mode & 0o077) !== 0) {
      throw new NornrError("invalid_option", `Others can read the key ${key}.`, {
        remedy: `Run chmod 600 ${key}.`,
      })
    }
    return parsePrivateKey(await readFile(key, "utf8"), "key")
  } catch (cause) {
    if (NornrError.isInstance(cause)) throw cause
    const remedy = "Make one with `nornr checkpoint init`, or name its file."
    throw new NornrError("invalid_option", `The key ${key} cannot be read.`, { remedy, cause })
  }
}
