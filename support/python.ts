// Whether this machine can run tools/verify.py, and where that is.
import { spawnSync } from "node:child_process"
import { join } from "node:path"

export const pythonVerifier: string = join(import.meta.dirname, "../tools/verify.py")

export const hasPython: boolean = [["python3", "--version"] as const, ["openssl", "version"] as const].every(
  ([name, version]) => spawnSync(name, [version]).status === 0,
)
