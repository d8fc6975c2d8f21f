import { createHash } from "node:crypto"
import { createReadStream, writeFileSync } from "node:fs"
import { pipeline } from "node:stream/promises"
import { NornrError, type Receipt } from "@nornr/core"
import { Command } from "commander"
import { pastId } from "../decision-id.ts"
import {
  type Acting,
  type Common,
  collect,
  openAudit,
  openDesk,
  openReadingDesk,
  readJson,
  withCommon,
  withReviewer,
} from "../options.ts"
import { plain, wrapped } from "../plain.ts"
import { bold, count, dim, emitJson, say, screenWidth } from "../screen.ts"

interface Output extends Common {
  readonly output?: string
}

export function evidence(): Command {
  const command = withCommon(
    new Command("evidence").description(
      "what shows a paid step: attached evidence, proof packets, redaction",
    ),
  )
    .argument("<decision>")
    .action(show)
  command.addCommand(
    withReviewer(new Command("attach").description("put an invoice, a receipt or a file's digest on record"))
      .argument("<decision>")
      .requiredOption("--kind <kind>", "what it is, such as invoice")
      .option("--url <url>", "where it is, or a URN; in clear in the trail, for good")
      .option("--digest <digest>", "sha256: and the digest in hexadecimal")
      .option("--file <path>", "a file whose SHA-256 is taken")
      .option("--note <text>", "for people; kept beside the trail")
      .action(attach),
  )
  command.addCommand(
    withCommon(
      new Command("packet").description("one governed action as a document that a stranger can check"),
    )
      .argument("<decision>")
      .option("-o, --output <file>", "a new file (default: standard output)")
      .action(packet),
  )
  command.addCommand(
    withCommon(new Command("prove").description("show that a receipt is under the newest checkpoint"))
      .argument("<receipt>", "a file with the receipt as JSON, or -")
      .option("-o, --output <file>", "a new file (default: standard output)")
      .action(prove),
  )
  command.addCommand(
    withReviewer(
      new Command("redact").description(
        "delete texts of a decision that has ended; the trail still verifies",
      ),
    )
      .argument("<decision>")
      .requiredOption("--reason <text>", "why; it is on record")
      .option(
        "--text <name>",
        "purpose, args, comment, result, error or remarks; may be given again (default: all)",
        collect,
      )
      .action(redact),
  )
  return command
}

async function show(given: string, options: Common): Promise<void> {
  await using desk = await openReadingDesk(options)
  const id = await pastId(options, given)
  const decision = await desk.decision(id)
  if (decision === undefined) throw notFound(id)
  const list = decision.evidence ?? []
  if (options.json) return emitJson({ decision: id, evidence: list })
  say(bold(`${count(list.length, "piece")} of evidence on ${id}`))
  for (const { kind, url, digest, at } of list) {
    say(`  ${at.slice(0, 16).replace("T", " ")}  ${bold(plain(kind))}`)
    for (const each of [url, digest])
      if (each !== undefined) say(...wrapped(plain(each), screenWidth(), "    "))
  }
  say(dim(`nornr evidence attach ${id} --kind invoice --url … · packet ${id}`))
}

interface Attaching extends Acting {
  readonly kind: string
  readonly url?: string
  readonly digest?: string
  readonly file?: string
  readonly note?: string
}

async function attach(decision: string, options: Attaching): Promise<void> {
  const id = await pastId(options, decision)
  const { kind, url, file, note } = options
  if (file !== undefined && options.digest !== undefined) {
    throw new NornrError("invalid_option", "--file and --digest are both given.", {
      remedy: "Give one of them.",
    })
  }
  const digest = file === undefined ? options.digest : await digestOf(file)
  await using desk = await openDesk(options)
  const given = Object.fromEntries(
    Object.entries({ url, digest, note }).filter(([, value]) => value !== undefined),
  )
  const attached = await desk.attach(id, { kind, ...given })
  if (options.json) return emitJson({ decision: id, evidence: attached.evidence ?? [] })
  say(
    attached.replayed === true
      ? "It was attached before."
      : `Attached ${plain(kind)}${digest === undefined ? "" : ` ${digest}`}, by ${plain(desk.reviewer)}.`,
  )
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256")
  try {
    await pipeline(createReadStream(path), hash)
  } catch (cause) {
    throw new NornrError("invalid_option", `${path} cannot be read.`, {
      remedy: "Check the path and its permissions.",
      cause,
    })
  }
  return `sha256:${hash.digest("hex")}`
}

async function packet(given: string, options: Output): Promise<void> {
  await using audit = await openAudit(options)
  const id = await pastId(options, given)
  const made = await audit.packet(id)
  const isCovered = made.proof !== null
  deliver(
    made,
    options,
    isCovered ? "" : " No checkpoint covers it yet: make one with `nornr checkpoint`, then the packet anew.",
  )
}

async function prove(path: string, options: Output): Promise<void> {
  await using audit = await openAudit(options)
  deliver(await audit.proveReceipt(readJson(path) as Receipt), options, "")
}

/** Writes a document to a new file, or to standard output. */
export function deliver(document: object, { output, json }: Output, note: string): void {
  const text = `${JSON.stringify(document, null, 2)}\n`
  if (output === undefined) {
    process.stdout.write(text)
    return
  }
  try {
    writeFileSync(output, text, { flag: "wx", mode: 0o600 })
  } catch (cause) {
    const problem = `${output} cannot be written (${(cause as Error).message}).`
    throw new NornrError("invalid_option", problem, { remedy: "Name a file that is not there yet.", cause })
  }
  if (json) return emitJson({ output })
  say(`Wrote ${output}.${note} Check it with: nornr verify ${output} --key …`)
}

async function redact(
  given: string,
  options: Acting & { readonly reason: string; readonly text?: readonly string[] },
): Promise<void> {
  const id = await pastId(options, given)
  await using desk = await openDesk(options)
  const texts = options.text === undefined ? {} : { texts: options.text as never }
  const decision = await desk.redact(id, { reason: options.reason, ...texts })
  if (options.json) return emitJson({ decision })
  say(
    `Deleted ${options.text?.join(", ") ?? "all texts"} of ${id}, by ${plain(desk.reviewer)}; the trail keeps their digests.`,
  )
}

function notFound(id: string): NornrError {
  return new NornrError("decision_not_found", `There is no decision ${JSON.stringify(id)}.`, {
    remedy: "Check the id; `nornr trail` lists the last events.",
  })
}
