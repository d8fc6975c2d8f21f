import { spawnSync } from "node:child_process"
import { hasPython, pythonVerifier } from "@nornr/support/python"

export { hasPython }

export interface PythonReport {
  readonly ok: boolean
  readonly faults: readonly { readonly kind: string; readonly line?: number; readonly part?: string }[]
}

/** What tools/verify.py says, and its exit code. */
export function verifyInPython(...args: readonly string[]): PythonReport & { readonly code: number | null } {
  const { stdout, stderr, status } = spawnSync("python3", [pythonVerifier, ...args, "--json"], {
    encoding: "utf8",
  })
  if (status !== 0 && status !== 3) throw new Error(`verify.py ended with ${status}: ${stderr}`)
  return { ...(JSON.parse(stdout) as PythonReport), code: status }
}
