import { createWriteStream } from "node:fs"
import { pipeline } from "node:stream/promises"
import { type AuditDesk, NornrError } from "@nornr/core"
import { Command, Option } from "commander"
import { type Common, openAudit, withCommon } from "../options.ts"
import { emitJson, say } from "../screen.ts"

interface ExportOptions extends Common {
  readonly format: "jsonl" | "csv" | "markdown"
  readonly output?: string
  readonly disclosures: boolean
}

export function exportCommand(): Command {
  return withCommon(
    new Command("export").description("the trail as text: JSON lines that can be verified, CSV, or Markdown"),
  )
    .addOption(new Option("--format <format>").choices(["jsonl", "csv", "markdown"]).default("jsonl"))
    .option("-o, --output <file>", "a new file (default: standard output)")
    .option("--no-disclosures", "without purposes, arguments, results and comments")
    .action(async (options: ExportOptions) => {
      const { format, disclosures, owner, json } = options
      const output = options.output === "-" ? undefined : options.output
      if (json && output === undefined) {
        const remedy = "Name a file with --output; the export itself goes to standard output without --json."
        throw new NornrError(
          "invalid_option",
          "--json tells of a file that was written, and none is named.",
          { remedy },
        )
      }
      await using audit = await openAudit(options)
      const pieces = audit.exportTrail({ format, disclosures, ...(owner === undefined ? {} : { owner }) })
      if (output === undefined) return await write(pieces)
      const bytes = await save(pieces, output)
      if (options.json) return emitJson({ output, format, bytes })
      say(
        `Wrote ${output} (${bytes.toLocaleString("en-US")} bytes).${format === "jsonl" ? ` Check it with: nornr verify ${output} --key …` : ""}`,
      )
    })
}

type Pieces = ReturnType<AuditDesk["exportTrail"]>

async function write(pieces: Pieces): Promise<void> {
  try {
    await pipeline(pieces, process.stdout, { end: false })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error // head(1) has seen enough
  }
}

async function save(pieces: Pieces, path: string): Promise<number> {
  const first = await pieces.next() // what is refused leaves no file behind
  try {
    const file = createWriteStream(path, { flags: "wx", mode: 0o600 })
    await pipeline(following(first, pieces), file)
    return file.bytesWritten
  } catch (cause) {
    if (NornrError.isInstance(cause)) throw cause
    const isThere = (cause as NodeJS.ErrnoException).code === "EEXIST"
    const problem = isThere
      ? `There is a file at ${path} already.`
      : `${path} cannot be written (${(cause as Error).message}).`
    throw new NornrError("invalid_option", problem, { remedy: "Name another file.", cause })
  }
}

async function* following(first: IteratorResult<string, void>, rest: Pieces): Pieces {
  if (first.done !== true) yield first.value
  yield* rest
}
