import { closeSync, createReadStream, existsSync, openSync, readSync } from "node:fs"
import {
  type Covered,
  type Fault,
  NornrError,
  type Receipt,
  verifyConsistency,
  verifyExport,
  verifyNote,
  verifyPacket,
  verifyReceipt,
} from "@nornr/core"
import { Command } from "commander"
import { exitCodes } from "../exit-codes.ts"
import { type Common, collect, openAudit, parseJson, readJson, readText, withCommon } from "../options.ts"
import { plain, wrapped } from "../plain.ts"
import type { Exit } from "../program.ts"
import { bold, count, dim, emitJson, paint, say, screenWidth } from "../screen.ts"

interface VerifyOptions extends Common {
  readonly key?: readonly string[]
  readonly checkpoint?: readonly string[]
  readonly receipt?: readonly string[]
  readonly replay?: boolean
}

/** Anything that was verified: sound, or with what was found. */
type Report =
  | { readonly ok: true }
  | { readonly ok: false; readonly faults: readonly Fault[]; readonly more: number }

export function verify(exit: Exit): Command {
  return withCommon(
    new Command("verify").description(
      "check the ledger, or an export, packet, checkpoint or proof in a file",
    ),
  )
    .argument("[file]", "what `nornr export`, `evidence` or `checkpoint` wrote (default: the ledger)")
    .option("--key <key>", "a pinned public key, or a file of them; may be given again", collect)
    .option("--checkpoint <file>", "a signed checkpoint that was kept elsewhere; may be given again", collect)
    .option("--receipt <file>", "receipts that were kept elsewhere, as JSON; may be given again", collect)
    .option("--no-replay", "without rebuilding decisions and budgets from the events")
    .action(async (file: string | undefined, options: VerifyOptions) => {
      const pinned = pinnedOf(options)
      const { report, lines, what } = await checked(file, options, pinned)
      exit(report.ok ? exitCodes.done : exitCodes.found)
      if (options.json) return emitJson({ what, faults: [], more: 0, ...report })
      show(report, lines)
    })
}

interface Pinned {
  readonly keys: readonly string[]
  readonly checkpoints: readonly string[]
  readonly receipts: readonly Receipt[]
}

function pinnedOf({ key, checkpoint = [], receipt = [] }: VerifyOptions): Pinned {
  const environment = process.env["NORNR_CHECKPOINT_KEYS"]
  const given = key ?? (environment === undefined ? [] : [environment])
  if (given.some((each) => each.trim() === "")) {
    const remedy = "Name the key or its file; an unset variable must not pass for a pinned key."
    const what = key === undefined ? "NORNR_CHECKPOINT_KEYS" : "--key"
    throw new NornrError("invalid_option", `${what} is empty.`, { remedy })
  }
  return {
    keys: given.flatMap(keysIn),
    checkpoints: checkpoint.map(readText),
    receipts: receipt.flatMap((path) => readJson(path) as Receipt | Receipt[]),
  }
}

/** @throws {NornrError} `invalid_option` for a file that is not there */
function keysIn(text: string): readonly string[] {
  const isFile = existsSync(text) || !text.includes("+")
  return (isFile ? readText(text) : text).split(/\s+/).filter(Boolean)
}

interface Checked {
  readonly what: string
  readonly report: Report
  readonly lines: readonly string[]
}

function checked(file: string | undefined, options: VerifyOptions, pinned: Pinned): Promise<Checked> {
  if (file === undefined) return ledger(options, pinned)
  return head(file).startsWith("SQLite format 3")
    ? ledger({ ...options, ledger: file }, pinned)
    : inFile(file, options, pinned)
}

async function ledger(options: VerifyOptions, pinned: Pinned): Promise<Checked> {
  await using audit = await openAudit(options)
  const { owner, replay = true } = options
  const report = await audit.verify({ ...pinned, replay, ...(owner === undefined ? {} : { owner }) })
  const looked = `${count(report.wallets, "wallet")}, ${count(report.events, "event")}${replay ? ", decisions and budgets" : ""}`
  const lines = [`Checked the ledger: ${looked}.`, ...coverageLines(report, report.uncovered, pinned)]
  return { what: "ledger", report, lines }
}

/** What no checkpoint covers is said, whatever was found. */
function coverageLines(
  report: Report & { readonly covered?: Covered },
  left: number,
  { keys, receipts }: Pinned,
): readonly string[] {
  const { covered } = report
  const isMet = report.ok || !report.faults.some(({ kind }) => kind.startsWith("receipt_"))
  const known = receipts.length > 0 && isMet ? ` ${count(receipts.length, "receipt")} fit.` : ""
  if (covered !== undefined) {
    const tail = `A rewrite or a lost tail behind it, as of a damaged disk, would show only against a receipt or a later checkpoint.`
    const rest =
      left > 0
        ? `${count(left, "event")} behind it: not covered. ${tail}`
        : report.ok
          ? "Nothing is behind it."
          : "What is behind it cannot be said: something was found."
    return [`Covered up to event ${covered.size} by ${covered.origin}.${known}`, rest]
  }
  const why = keys.length === 0 ? "No key is pinned (--key)" : "No checkpoint of a pinned key is there"
  return [
    `${why}: covered by no checkpoint.${known}`,
    "Edits, deletions and swaps show without one. That everything was rewritten, or that the tail was cut or silently lost on a damaged disk, shows only against a receipt or a checkpoint that was kept elsewhere.",
  ]
}

async function inFile(path: string, options: VerifyOptions, pinned: Pinned): Promise<Checked> {
  const start = head(path)
  const isLines = start.startsWith('{"kind":"nornr.export"') || /^\{[^\n]*\}\r?\n\{/.test(start)
  refuseUnused(options, isLines ? ["checkpoint", "receipt"] : [])
  if (isLines) return exported(path, pinned)
  if (start.startsWith("{")) return checkDocument(readText(path), path, pinned)
  if (!start.includes("\n\n\u2014 ")) throw nothing(path)
  const report = await verifyNote(readText(path), { keys: pinned.keys })
  const what = report.ok ? ` of ${count(report.size, "event")}, ${signing(report.signed)}` : ""
  return { what: "checkpoint", report, lines: [`Checked a checkpoint${what}.`] }
}

/** What a file is not compared with must not seem to fit it. */
function refuseUnused(options: VerifyOptions, used: readonly string[]): void {
  const { checkpoint, receipt, owner, ledger } = options
  const given = {
    checkpoint,
    receipt,
    owner,
    ledger,
    "no-replay": options.replay === false ? true : undefined,
  }
  const unused = Object.entries(given).find(([name, value]) => value !== undefined && !used.includes(name))
  if (unused === undefined) return
  const remedy = "Leave it out; checkpoints and receipts are compared with an export or the ledger."
  throw new NornrError("invalid_option", `--${unused[0]} says nothing about this file.`, { remedy })
}

function signing(isSigned: boolean): string {
  return isSigned ? "signed by a pinned key" : "whose signature was not checked: no key is pinned (--key)"
}

function nothing(path: string): NornrError {
  const remedy =
    "Pass an export, a proof packet, a checkpoint, a proof of a receipt or of growth, or a ledger."
  return new NornrError("invalid_option", `${path} is nothing that can be verified.`, { remedy })
}

function head(path: string): string {
  try {
    const file = openSync(path, "r")
    try {
      const bytes = Buffer.alloc(65_536)
      return bytes.toString("utf8", 0, readSync(file, bytes))
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    throw new NornrError("invalid_option", `${path} cannot be read.`, {
      remedy: "Check the path and its permissions.",
      cause,
    })
  }
}

async function exported(path: string, pinned: Pinned): Promise<Checked> {
  const report = await verifyExport(createReadStream(path, { highWaterMark: 1024 * 1024 }), pinned)
  const { events, wallets, covered, scope } = report
  const lines = [
    `Checked an export: ${count(wallets, "wallet")}, ${count(events, "event")}.`,
    ...coverageLines(report, covered === undefined ? events : events - covered.size, pinned),
    ...(scope === "wallet" ? [oneWallet] : []),
  ]
  return { what: "export", report, lines }
}

const oneWallet =
  "It is of one wallet: that nothing of it follows shows only in an export of the whole ledger, or against a receipt."

async function checkDocument(text: string, path: string, pinned: Pinned): Promise<Checked> {
  const { kind } = parseJson(text, path) as { readonly kind?: unknown }
  const keys = { keys: pinned.keys }
  if (kind === "nornr.proof_packet") return checkPacket(text, keys)
  if (kind === "nornr.receipt_proof") {
    const report = await verifyReceipt(text, keys)
    const what = report.ok
      ? ` under a checkpoint of ${count(report.size, "event")}, ${signing(report.signed)}`
      : ""
    return { what: "receipt", report, lines: [`Checked a receipt${what}.`] }
  }
  if (kind !== "nornr.consistency_proof") throw nothing(path)
  const report = await verifyConsistency(text, keys)
  const what = report.ok ? `, to ${count(report.size, "event")}, ${signing(report.signed)}` : ""
  return { what: "consistency", report, lines: [`Checked that a ledger has only grown${what}.`] }
}

async function checkPacket(packet: string, keys: { readonly keys: readonly string[] }): Promise<Checked> {
  const report = await verifyPacket(packet, keys)
  if (!report.ok) return { what: "packet", report, lines: ["Checked a proof packet."] }
  const { decision, events, covered, asOf } = report
  const proof =
    covered === undefined
      ? "No key is pinned (--key): nothing says that its events are in any ledger."
      : `All are in the ledger that ${covered.origin} signed at ${count(covered.size, "event")}.`
  const until = `It tells the decision up to event ${asOf}; what became of it later is not in it.`
  return {
    what: "packet",
    report,
    lines: [`Checked the proof packet of ${plain(decision)}: ${count(events, "event")}.`, proof, until],
  }
}

function show(report: Report, [first = "", ...rest]: readonly string[]): void {
  say(first)
  if (report.ok) say(`${paint("green", "Sound:")} nothing was found.`)
  else showFaults(report)
  for (const line of rest) say(...wrapped(line, screenWidth()).map(dim))
}

function showFaults({ faults, more }: Extract<Report, { ok: false }>): void {
  const all = faults.length + more
  say(paint("red", bold(`Tampered with or damaged: ${count(all, "thing")} found.`)), "")
  for (const fault of faults.slice(0, 40)) {
    say(
      `  ${paint("red", fault.kind.padEnd(20))} ${plain(placeOf(fault))}`,
      ...wrapped(plain(fault.message), screenWidth(), "    "),
    )
  }
  if (all > 40) say(dim(`  and ${all - 40} more (--json shows up to a thousand)`))
  say("")
}

function placeOf({ line, part, wallet, seq, subject }: Fault): string {
  const places = [
    part,
    line === undefined ? undefined : line === 0 ? "beside the file" : `line ${line}`,
    wallet === undefined ? undefined : `wallet ${wallet}`,
    seq === undefined ? undefined : `event ${seq}`,
    subject === undefined || subject === "" ? undefined : subject,
  ]
  return places.filter(Boolean).join(", ")
}
