import { atEdge } from "../input/at-edge.ts"
import { defined } from "../input/defined.ts"
import { bytesOfHash, equalBytes } from "./bytes.ts"
import { Chain, Receipts } from "./chain.ts"
import { disclosureDigest } from "./digest.ts"
import type { TrailEvent } from "./event.ts"
import { type ExportLine, type Header, parseHeader, parseLine } from "./export-line.ts"
import { type Fault, type FaultKind, Faults, type Unsound } from "./fault.ts"
import { linesOf, type TextSource } from "./lines.ts"
import { Frontier, isIncluded, leafHash } from "./merkle.ts"
import type { Checkpoint, PinnedKey } from "./note.ts"
import { checkNote, hashesOf, type KeyOptions, parseKeys, textsOf, uncoveredText } from "./pinned.ts"
import { parseReceipts, type VerifyOptions } from "./verify.ts"
import { optionsOf } from "./verify-proof.ts"

/** What an export is compared with, and how far it is looked at. */
export interface ExportOptions extends VerifyOptions, KeyOptions {
  /** Signed checkpoints kept elsewhere. */
  readonly checkpoints?: Iterable<string> | undefined
  /** Left out, the tree is computed; `false` checks the chain alone, and no checkpoint. */
  readonly tree?: boolean | undefined
}

/** Up to where a trail is what a pinned key has signed. */
export interface Covered {
  readonly origin: string
  /** How many events the checkpoint covers; of one wallet's export, the last position that it proves. */
  readonly size: number
}

/** What verifying an export found. */
export type ExportReport = ({ readonly ok: true } | Unsound) & {
  /** Left out where it has no header. */
  readonly scope?: "ledger" | "wallet"
  readonly events: number
  readonly wallets: number
  /** What is behind that, or all where it is left out: a rewrite or a cut tail would not show. */
  readonly covered?: Covered
}

/**
 * Checks an export line by line as it is read, with the receipts and checkpoints given. Needs no ledger, no Node and
 * no more memory for a million events than for ten.
 * @throws {NornrError} `invalid_option` for keys, receipts or a source that are none; what the source throws
 */
export async function verifyExport(source: TextSource, options: ExportOptions = {}): Promise<ExportReport> {
  const parsed = atEdge("The options", "invalid_option", () => parseOptions(options))
  const run = new ExportRun(parsed)
  let number = 0
  for await (const lines of linesOf(source)) {
    for (const line of lines) {
      number++
      if (number === 1 && !(await run.begin(line))) return run.end()
      const checking = number > 1 ? run.next(line, number) : undefined
      if (checking !== undefined) await checking
    }
  }
  return run.end()
}

interface Parsed {
  readonly keys: readonly PinnedKey[]
  readonly checkpoints: readonly string[]
  readonly receipts: Receipts
  readonly tree: boolean
}

/** @throws {NornrError} `invalid_option` */
function parseOptions(options: unknown): Parsed {
  const fields = optionsOf(options, ["keys", "checkpoints", "receipts", "tree"])
  const [checkpoints, tree] = [textsOf(fields, "checkpoints"), fields.flag("tree") ?? true]
  if (!tree && checkpoints.length > 0) fields.refuse("tree", tree, "Checkpoints are compared with the tree.")
  return { keys: parseKeys(fields), checkpoints, receipts: new Receipts(parseReceipts(fields)), tree }
}

class ExportRun {
  readonly #options: Parsed
  readonly #faults = new Faults()
  readonly #chains = new Map<string, Chain>()
  readonly #tree = new Frontier()
  /** The roots at the sizes of the checkpoints that were given beside the file. */
  readonly #rootsAt = new Map<number, Uint8Array | undefined>()
  /** Scope `wallet`: the roots of the checkpoints that were found good, by size. */
  readonly #found = new Map<number, Uint8Array>()
  #header: Header | undefined
  #events = 0
  /** How many checkpoints were met, in the file or beside it. */
  #notes = 0
  #covered: Covered | undefined
  /** The event that disclosures may follow now. */
  #last: TrailEvent | undefined
  readonly #outside: Promise<readonly Awaited<ReturnType<typeof checkNote>>[]>

  constructor(options: Parsed) {
    this.#options = options
    this.#notes = options.checkpoints.length
    this.#outside = Promise.all(options.checkpoints.map((note) => checkNote(note, options.keys)))
  }

  async begin(line: string | undefined): Promise<boolean> {
    this.#header = parseHeader(line)
    if (this.#header !== undefined) {
      await this.#noteSizes()
      return true
    }
    this.#add("malformed", 1, "This is no export: line 1 is not its header.")
    return false
  }

  next(text: string | undefined, line: number): Promise<void> | undefined {
    const parsed = parseLine(text)
    if (parsed === undefined) {
      this.#add("malformed", line, `Line ${line} is nothing that an export holds.`)
      this.#last = undefined
    } else if (parsed.kind === "event") this.#event(parsed, line)
    else if (parsed.kind === "disclosure") this.#disclosure(parsed, line)
    else return this.#checkpoint(parsed, line)
    return undefined
  }

  async end(): Promise<ExportReport> {
    const { receipts, tree } = this.#options
    if (this.#header === undefined && !this.#faults.any) await this.begin(undefined)
    if (this.#header !== undefined) {
      if (tree) for (const checked of await this.#outside) this.#checkOutside(checked)
      const lastOf = (wallet: string) => this.#chains.get(wallet)?.last.seq ?? 0
      if (tree && this.#options.keys.length > 0 && this.#notes === 0) this.#add("uncovered", 0, uncoveredText)
      for (const fault of receipts.missing(lastOf)) this.#faults.add({ ...fault, line: 0 })
      const { events } = this.#header
      const message = `The export has ${this.#events} events and was made with ${events}.`
      if (events !== this.#events) this.#add("count_differs", 0, message)
    }
    const [scope, covered] = [this.#header?.scope, this.#covered]
    const told = defined({ scope, events: this.#events, wallets: this.#chains.size, covered })
    return { ...(this.#faults.unsound() ?? { ok: true }), ...told }
  }

  async #noteSizes(): Promise<void> {
    for (const { checkpoint } of await this.#outside) {
      if (checkpoint !== undefined) this.#rootsAt.set(checkpoint.size, undefined)
    }
    if (this.#rootsAt.has(0)) this.#rootsAt.set(0, this.#tree.root())
  }

  #event({ found }: Extract<ExportLine, { kind: "event" }>, line: number): void {
    const { event } = found
    this.#events++
    this.#last = undefined
    if (this.#header?.scope === "ledger" && this.#options.tree) this.#addLeaf(event)
    if (this.#header?.wallet !== undefined && event.wallet !== this.#header.wallet) {
      return this.#add("wrong_wallet", line, `Line ${line} is an event of wallet ${event.wallet}.`)
    }
    const chain = this.#chains.get(event.wallet) ?? new Chain()
    this.#chains.set(event.wallet, chain)
    this.#last = event
    const faults = chain.next(found)
    const isTaken = faults[0]?.kind !== "out_of_order"
    const told = isTaken ? [...faults, ...this.#options.receipts.met(event)] : faults
    for (const fault of told) this.#faults.add({ ...fault, line })
  }

  #addLeaf({ hash }: TrailEvent): void {
    this.#tree.add(leafHash(bytesOfHash(hash) as Uint8Array))
    const { size } = this.#tree
    if (this.#rootsAt.has(size)) this.#rootsAt.set(size, this.#tree.root())
  }

  #disclosure(
    { wallet, seq, name, salt, value }: Extract<ExportLine, { kind: "disclosure" }>,
    line: number,
  ): void {
    const last = this.#last
    const stands = last?.wallet === wallet && last.seq === seq
    if (stands && last.data[name] === disclosureDigest(name, { salt, value })) return
    const message = `Line ${line} is not the text of ${name} that event ${seq} took the digest of.`
    this.#add("disclosure_differs", line, message)
  }

  async #checkpoint(parsed: Extract<ExportLine, { kind: "checkpoint" }>, line: number): Promise<void> {
    this.#last = undefined
    if (!this.#options.tree) return
    if ((this.#header?.scope === "wallet") !== (parsed.proof !== undefined)) {
      return this.#add(
        "malformed",
        line,
        `Line ${line} is a checkpoint ${parsed.proof ? "with a proof" : "without its proof"}.`,
      )
    }
    this.#notes++
    const { checkpoint, isSigned, fault } = await checkNote(parsed.note, this.#options.keys)
    if (fault !== undefined) return this.#faults.add({ ...fault, line })
    if (this.#header?.scope === "ledger") {
      const isSame = checkpoint.size === this.#events && equalBytes(checkpoint.root, this.#tree.root())
      if (!isSame) return this.#add("root_differs", line, rewritten(line, checkpoint))
      return this.#cover(isSigned, checkpoint.origin, checkpoint.size)
    }
    const { seq, index, hashes } = parsed.proof ?? { seq: -1, index: 0, hashes: [] }
    const before = this.#chains.get(this.#header?.wallet ?? "")?.last
    const hash = before?.seq === seq ? bytesOfHash(before.hash) : undefined
    const path = hashesOf(hashes)
    const isProved =
      hash !== undefined && path !== undefined && isIncluded(leafHash(hash), { index, ...checkpoint }, path)
    if (!isProved) {
      return this.#add(
        "proof_fails",
        line,
        `Line ${line} does not prove the event before it: it is not in that ledger.`,
      )
    }
    const { size, root, origin } = checkpoint
    const same = this.#found.get(size)
    if (same !== undefined && !equalBytes(same, root))
      return this.#add("root_differs", line, rewritten(line, checkpoint))
    this.#found.set(size, root)
    this.#cover(isSigned, origin, seq)
  }

  #checkOutside({ checkpoint, isSigned, fault }: Awaited<ReturnType<typeof checkNote>>): void {
    if (fault !== undefined) return this.#faults.add({ ...fault, line: 0 })
    const { size, root, origin } = checkpoint
    if (this.#header?.scope === "wallet") {
      const same = this.#found.get(size)
      if (same === undefined) return this.#add("not_comparable", 0, incomparable(checkpoint))
      if (!equalBytes(same, root)) this.#add("root_differs", 0, rewritten(0, checkpoint))
      return
    }
    const found = this.#rootsAt.get(size)
    if (found === undefined) {
      const message = `The checkpoint covers ${size} events, but there are ${this.#events}: an old copy was restored, or the tail was cut.`
      return this.#add("rolled_back", 0, message)
    }
    if (!equalBytes(found, root)) return this.#add("root_differs", 0, rewritten(0, checkpoint))
    this.#cover(isSigned, origin, size)
  }

  #cover(isSigned: boolean, origin: string, size: number): void {
    if (isSigned && size >= (this.#covered?.size ?? 0)) this.#covered = { origin, size }
  }

  #add(kind: FaultKind, line: number, message: string): void {
    this.#faults.add({ kind, line, message } satisfies Fault)
  }
}

function incomparable({ size }: Checkpoint): string {
  return `The checkpoint of ${size} events cannot be compared with an export of one wallet that has no proof under it: export the whole ledger.`
}

function rewritten(line: number, { size }: Checkpoint): string {
  const which = line === 0 ? "The checkpoint" : `The checkpoint in line ${line}`
  return `${which} was signed for ${size} other events: the trail was rewritten, or events were added or taken out.`
}
