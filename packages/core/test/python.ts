import { spawnSync } from "node:child_process"
import { join } from "node:path"

const script = join(import.meta.dirname, "../../../tools/verify.py")

/** Whether this machine has what tools/verify.py needs. */
export const hasPython: boolean = ["python3", "openssl"].every(
  (name) => spawnSync(name, [name === "openssl" ? "version" : "--version"]).status === 0,
)

export interface PythonReport {
  readonly ok: boolean
  readonly faults: readonly { readonly kind: string; readonly line?: number; readonly part?: string }[]
}

/** What tools/verify.py says, and its exit code. */
export function verifyInPython(...args: readonly string[]): PythonReport & { readonly code: number | null } {
  const { stdout, stderr, status } = spawnSync("python3", [script, ...args, "--json"], { encoding: "utf8" })
  if (status !== 0 && status !== 3) throw new Error(`verify.py ended with ${status}: ${stderr}`)
  return { ...(JSON.parse(stdout) as PythonReport), code: status }
}
