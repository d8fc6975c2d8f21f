import { readCheckpointKey } from "../checkpoint/key-file.ts"
import { makeCheckpoint } from "../checkpoint/sign.ts"
import { type CheckpointTarget, parseTargets } from "../checkpoint/targets.ts"
import { walletNotFound } from "../engine/standing.ts"
import { NornrError } from "../error/nornr-error.ts"
import { atEdge } from "../input/at-edge.ts"
import { asName, type Fields, fieldsOf } from "../input/fields.ts"
import type { Ledger, Snapshot } from "../ledger/ledger.ts"
import { type OpenedLedger, openLedger, type Place } from "../ledger/open-ledger.ts"
import { agentTermNames, mandateTermNames, parseTerms } from "../mandate/parse-terms.ts"
import type { MandateTerms } from "../mandate/terms.ts"
import type { Receipt } from "../spend/decision.ts"
import { isoTime, parseInstant } from "../time/clock.ts"
import { Receipts } from "../trail/chain.ts"
import type { ProofPacket } from "../trail/packet.ts"
import { type KeyOptions, parseKeys, textsOf } from "../trail/pinned.ts"
import { growTree } from "../trail/tree.ts"
import { parseReceipt, parseReceipts, type VerifyOptions } from "../trail/verify.ts"
import type { ConsistencyProof, ReceiptProof } from "../trail/verify-proof.ts"
import { type DecisionRef, idOf } from "../wallet/decision-ref.ts"
import { csvLines, gathered, jsonLines, markdownLines } from "./export-trail.ts"
import { type MandateRecord, mandatesInForce, mandateVersions } from "./mandates.ts"
import { packetOfSpend, proveConsistency, proveReceipt } from "./proofs.ts"
import { type Simulation, simulateTerms } from "./simulate.ts"
import { type LedgerReport, verifyLedger } from "./verify-ledger.ts"

/** How far a ledger is verified, and against what. */
export interface AuditOptions extends VerifyOptions, KeyOptions {
  /** Whose wallet; left out, all of the ledger. */
  readonly owner?: string | undefined
  /** Signed checkpoints kept elsewhere. */
  readonly checkpoints?: Iterable<string> | undefined
  /** `false`: without computing the tree and looking at checkpoints. */
  readonly tree?: boolean | undefined
  /** `false`: without rebuilding decisions and counters from the events. */
  readonly replay?: boolean | undefined
}

/** What an export holds, and how. */
export interface TrailExportOptions {
  /** `jsonl` (the default) can be verified; `csv` is for spreadsheets, `markdown` for people. */
  readonly format?: "jsonl" | "csv" | "markdown" | undefined
  /** Whose wallet; left out, all of the ledger. */
  readonly owner?: string | undefined
  /** `false`: without the texts that are kept beside the trail (purposes, arguments, results, comments). */
  readonly disclosures?: boolean | undefined
}

/** Whose decisions are decided anew. */
export interface SimulateOptions {
  readonly owner: string
  /** Whose own terms; left out, the wallet's. */
  readonly agent?: string | undefined
  /** ISO 8601 with a zone, or a Date: decisions at or after it are told of. */
  readonly since?: string | Date | undefined
}

/** A signed checkpoint that a ledger keeps. */
export interface KeptCheckpoint {
  readonly note: string
  /** How many events it covers. */
  readonly size: number
  /** ISO 8601 UTC. */
  readonly at: string
}

/**
 * The auditor's side: what happened, and the proof of it. It decides nothing and changes no wallet. Every method
 * throws only `NornrError`.
 */
export interface AuditDesk {
  /** Where it is: a path, or `memory:`. */
  readonly ledger: string
  /** The owners of all wallets, sorted. */
  owners(): Promise<readonly string[]>
  /**
   * Checks every event, the tree over all of them with the checkpoints that were signed for it, and that the events
   * add up to the decisions, counters and mandates in the tables. Of one commit, and in flat memory.
   * @throws {NornrError} `invalid_option`, `wallet_not_found`
   */
  verify(options?: AuditOptions): Promise<LedgerReport>
  /**
   * The trail as text, in pieces of some 64 KiB, made as it is read; `verifyExport` checks its JSON lines.
   * @throws {NornrError} `invalid_option`, `wallet_not_found`
   */
  exportTrail(options?: TrailExportOptions): AsyncGenerator<string, void, undefined>
  /**
   * One governed action as a document that a stranger can check with `verifyPacket`. Its proof is null where the newest
   * checkpoint does not cover all its events.
   * @throws {NornrError} `decision_not_found`
   */
  packet(decision: DecisionRef): Promise<ProofPacket>
  /**
   * Shows that a receipt is under the newest checkpoint, for `verifyReceipt`.
   * @throws {NornrError} `invalid_option`, `state_conflict`
   */
  proveReceipt(receipt: Receipt): Promise<ReceiptProof>
  /**
   * Shows that the ledger has only grown since a checkpoint, for `verifyConsistency`.
   * @throws {NornrError} `invalid_option`, `state_conflict`, `ledger_rolled_back`
   */
  proveConsistency(from: string): Promise<ConsistencyProof>
  /**
   * The mandates in force: the wallet's, then those of its agents.
   * @throws {NornrError} `invalid_option`, `wallet_not_found`
   */
  mandates(owner: string): Promise<readonly MandateRecord[]>
  /**
   * Every version of a wallet's mandate, or of an agent's, oldest first.
   * @throws {NornrError} `invalid_option`, `wallet_not_found`
   */
  mandateVersions(owner: string, agent?: string): Promise<readonly MandateRecord[]>
  /**
   * What other terms would have decided, in the past and with its money. Terms that are left out stay as they are.
   * @throws {NornrError} `invalid_option`, `wallet_not_found`, and what parsing terms throws
   */
  simulate(terms: MandateTerms, what: SimulateOptions): Promise<Simulation>
  /** The newest checkpoint that was kept. */
  lastCheckpoint(): Promise<KeptCheckpoint | undefined>
  /**
   * Signs the tree over all events now, with a private key (its file, or its text), and tells it outside.
   * @throws {NornrError} `invalid_option`, `ledger_rolled_back`, `target_failed`
   */
  checkpoint(options: {
    readonly key: string
    readonly to?: readonly CheckpointTarget[] | undefined
  }): Promise<KeptCheckpoint>
  /** Lets go of the ledger. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export const AuditDesk: {
  /** @throws {NornrError} `invalid_option`, `wallet_not_found` where there is no ledger, `ledger_*`, `unsupported` */
  open(place?: Place | Record<never, never>): Promise<AuditDesk>
} = {
  async open(place = {}) {
    atEdge("The options", "invalid_option", () =>
      fieldsOf(place, { path: "", code: "invalid_option", allowed: ["ledger", "baseUrl"] }),
    )
    return new EmbeddedAudit(await openLedger(place as Place, { mayCreate: false }))
  },
}

class EmbeddedAudit implements AuditDesk {
  readonly #opened: OpenedLedger
  #isClosed = false
  readonly ledger: string

  constructor(opened: OpenedLedger) {
    this.ledger = opened.ledger.name
    this.#opened = opened
  }

  async owners(): Promise<readonly string[]> {
    return this.#open().wallets()
  }

  async verify(options: AuditOptions = {}): Promise<LedgerReport> {
    const { owner, ...checks } = atEdge("The options", "invalid_option", () => parseAudit(options))
    return this.#reading(async (snapshot) => {
      const all = await snapshot.wallets()
      if (owner !== undefined && !all.includes(owner)) throw walletNotFound(owner)
      return verifyLedger(snapshot, { ...checks, owners: owner === undefined ? all : [owner] })
    })
  }

  async *exportTrail(options: TrailExportOptions = {}): AsyncGenerator<string, void, undefined> {
    const { format, owner, disclosures } = atEdge("The options", "invalid_option", () => parseExport(options))
    const ledger = this.#open()
    await growTree(ledger)
    const snapshot = await ledger.snapshot()
    try {
      if (owner !== undefined && !(await snapshot.wallets()).includes(owner)) throw walletNotFound(owner)
      yield* gathered(formats[format]({ snapshot, owner, disclosures }))
    } finally {
      await snapshot.close()
    }
  }

  async packet(decision: DecisionRef): Promise<ProofPacket> {
    const id = idOf(decision)
    return this.#reading(async (snapshot) => {
      const found = await snapshot.spend(id)
      if (found !== undefined) return packetOfSpend(snapshot, found.wallet, found.spend)
      const remedy = "Check the id and the ledger."
      throw new NornrError("decision_not_found", `There is no decision ${JSON.stringify(id)}.`, { remedy })
    })
  }

  async proveReceipt(receipt: Receipt): Promise<ReceiptProof> {
    const parsed = atEdge("The receipt", "invalid_option", () => parseReceipt(receipt, "receipt"))
    return this.#reading((snapshot) => proveReceipt(snapshot, parsed))
  }

  proveConsistency(from: string): Promise<ConsistencyProof> {
    return this.#reading((snapshot) => proveConsistency(snapshot, from))
  }

  async mandates(owner: string): Promise<readonly MandateRecord[]> {
    const whose = atEdge("The owner", "invalid_option", () => parseWhose({ owner }))
    return this.#reading((snapshot) => mandatesInForce(snapshot, whose.owner))
  }

  async mandateVersions(owner: string, agent?: string): Promise<readonly MandateRecord[]> {
    const whose = atEdge("The owner", "invalid_option", () => parseWhose({ owner, agent }))
    return this.#reading((snapshot) => mandateVersions(snapshot, whose.owner, whose.agent))
  }

  async simulate(terms: MandateTerms, what: SimulateOptions): Promise<Simulation> {
    const { owner, agent, since } = atEdge("The options", "invalid_option", () => parseSimulation(what))
    return this.#reading(async (snapshot) => {
      const { wallet } = await snapshot.head(owner)
      const names = agent === undefined ? mandateTermNames : agentTermNames
      const patch = atEdge("The terms", "invalid_mandate", () =>
        parseTerms(terms, names, wallet?.currency ?? "USD"),
      )
      return simulateTerms(snapshot, owner, { agent, patch, since })
    })
  }

  lastCheckpoint(): Promise<KeptCheckpoint | undefined> {
    return this.#reading(async (snapshot) => {
      const kept = await snapshot.checkpoint()
      return kept && { ...kept, at: isoTime(kept.at) }
    })
  }

  async checkpoint(options: {
    readonly key: string
    readonly to?: readonly CheckpointTarget[] | undefined
  }): Promise<KeptCheckpoint> {
    const { to } = atEdge("The options", "invalid_option", () => {
      const fields = fieldsOf(options, { path: "", code: "invalid_option", allowed: ["key", "to"] })
      return { to: parseTargets(fields.get("to")) }
    })
    const ledger = this.#open()
    const key = await readCheckpointKey(options.key)
    const { note, size, at } = await makeCheckpoint(ledger, { key, to }, Date.now())
    return { note, size, at: isoTime(at) }
  }

  close(): Promise<void> {
    this.#isClosed = true
    return this.#opened.release()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @throws {NornrError} `ledger_closed`, also where somebody else has the ledger open */
  #open(): Ledger {
    if (!this.#isClosed) return this.#opened.ledger
    throw new NornrError("ledger_closed", "The audit desk was closed.", { remedy: "Open it again." })
  }

  async #reading<T>(read: (snapshot: Snapshot) => Promise<T>): Promise<T> {
    const snapshot = await this.#open().snapshot()
    try {
      return await read(snapshot)
    } finally {
      await snapshot.close()
    }
  }
}

const formats = { jsonl: jsonLines, csv: csvLines, markdown: markdownLines } as const

/** @throws {NornrError} `invalid_option` */
function parseAudit(options: unknown) {
  const allowed = ["owner", "keys", "checkpoints", "receipts", "tree", "replay"]
  const fields = fieldsOf(options, { path: "", what: "The options", code: "invalid_option", allowed })
  const [checkpoints, tree] = [textsOf(fields, "checkpoints"), fields.flag("tree") ?? true]
  if (!tree && checkpoints.length > 0) fields.refuse("tree", tree, "Checkpoints are compared with the tree.")
  return {
    ...{ checkpoints, tree, replay: fields.flag("replay") ?? true },
    owner: fields.text("owner", 128),
    keys: parseKeys(fields),
    receipts: new Receipts(parseReceipts(fields)),
  }
}

/** @throws {NornrError} `invalid_option` */
function parseWhose(what: unknown) {
  const allowed = ["owner", "agent"]
  return whoseIn(fieldsOf(what, { path: "", what: "The options", code: "invalid_option", allowed }))
}

function whoseIn(fields: Fields) {
  return {
    owner: fields.text("owner", 128) ?? fields.refuse("owner", undefined, "Name whose wallet."),
    agent: asName(fields.text("agent", 256)),
  }
}

/** @throws {NornrError} `invalid_option` */
function parseSimulation(what: unknown) {
  const allowed = ["owner", "agent", "since"]
  const fields = fieldsOf(what, { path: "", what: "The options", code: "invalid_option", allowed })
  const since = fields.get("since")
  const instant = since === undefined ? 0 : parseInstant(since)
  return {
    ...whoseIn(fields),
    since:
      instant ??
      fields.refuse("since", since, 'Use a Date, or ISO 8601 with a zone such as "2026-11-22T00:00:00Z".'),
  }
}

/** @throws {NornrError} `invalid_option` */
function parseExport(options: unknown) {
  const allowed = ["format", "owner", "disclosures"]
  const fields = fieldsOf(options, { path: "", what: "The options", code: "invalid_option", allowed })
  return {
    format: fields.oneOf("format", ["jsonl", "csv", "markdown"]) ?? ("jsonl" as const),
    owner: fields.text("owner", 128),
    disclosures: fields.flag("disclosures") ?? true,
  }
}
