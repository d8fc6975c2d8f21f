import tab from "@bomb.sh/tab/commander"
import { NornrError } from "@nornr/core"
import { CommanderError } from "commander"
import { exitCodes } from "./exit-codes.ts"
import { Interrupted } from "./interrupted.ts"
import { nornr } from "./program.ts"
import { complain, emitJson } from "./screen.ts"

/** Runs the command that the arguments name, and gives its exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const code = { value: exitCodes.done as number }
  const program = nornr((value) => {
    code.value = value
  })
  tab(program)
  try {
    await program.parseAsync(argv)
    return code.value
  } catch (error) {
    return failed(error, argv)
  }
}

function failed(error: unknown, argv: readonly string[]): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
  const { code, message, remedy } = toldOf(error)
  if (argv.includes("--json")) emitJson({ error: { code, message, remedy } })
  else complain(message)
  if (argv.includes("--debug")) complain((error as Error).stack ?? String(error))
  return code === "interrupted" ? exitCodes.interrupted : exitCodes.failed
}

function toldOf(error: unknown): {
  readonly code: string
  readonly message: string
  readonly remedy: string
} {
  if (NornrError.isInstance(error)) return error
  if (error instanceof Interrupted)
    return { code: "interrupted", message: "Interrupted; nothing more was done.", remedy: "" }
  const said = error instanceof Error ? error.message : String(error)
  const remedy = "Run it again with --debug to see where."
  return { code: "failed", message: `${said} ${remedy}`, remedy }
}
