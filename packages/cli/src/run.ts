import tab from "@bomb.sh/tab/commander"
import { NornrError } from "@nornr/core"
import { CommanderError } from "commander"
import { exitCodes } from "./exit-codes.ts"
import { Interrupted } from "./interrupted.ts"
import { nornr } from "./program.ts"
import { remedyFor } from "./remedies.ts"
import { complain, emitJson } from "./screen.ts"

/** Runs the command that the arguments name, and gives its exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const code = { value: exitCodes.done as number }
  const isEndless = argv.includes("--watch") || argv.includes("--follow")
  outliveOutput(() => {
    if (isEndless) process.exit(code.value)
  })
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

/** Whoever reads may have seen enough, such as `head`: what was begun is done, and what was found is found. */
function outliveOutput(left: () => void): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return left()
    complain(`The output cannot be written (${error.message}).`)
    process.exit(exitCodes.failed)
  })
  process.stderr.on("error", () => undefined)
}

function failed(error: unknown, argv: readonly string[]): number {
  if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done
  const told = toldOf(error)
  if (argv.includes("--json")) emitJson({ error: told })
  else if (told.code !== "usage") complain(told.message)
  if (argv.includes("--debug")) process.stderr.write(`${(error as Error).stack ?? String(error)}\n`)
  if (told.code === "usage") return exitCodes.usage
  return told.code === "interrupted" ? exitCodes.interrupted : exitCodes.failed
}

interface Told {
  readonly code: string
  readonly message: string
  readonly remedy: string
}

function toldOf(error: unknown): Told {
  if (NornrError.isInstance(error)) {
    const remedy = remedyFor(error)
    return { code: error.code, message: error.message.replace(error.remedy, () => remedy), remedy }
  }
  if (error instanceof CommanderError)
    return { code: "usage", message: error.message.replace(/^error: /, ""), remedy: "Run it with --help." }
  if (error instanceof Interrupted) {
    return { code: "interrupted", message: "Interrupted; nothing more was done.", remedy: "" }
  }
  const said = error instanceof Error ? error.message : String(error)
  const remedy = "Run it again with --debug to see where."
  return { code: "failed", message: `${said} ${remedy}`, remedy }
}
