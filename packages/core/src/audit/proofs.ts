import { NornrError } from "../error/nornr-error.ts"
import type { EventRow, Snapshot } from "../ledger/ledger.ts"
import type { Receipt } from "../spend/decision.ts"
import type { Spend } from "../spend/spend.ts"
import { equalBytes, textOfBytes } from "../trail/bytes.ts"
import { openEvent } from "../trail/event.ts"
import { eventsOfSpend, findMandate } from "../trail/events-of.ts"
import { consistencyProof, emptyRoot, inclusionProof, rootOf } from "../trail/merkle.ts"
import { parseCheckpoint } from "../trail/note.ts"
import { type PacketProof, type ProofPacket, packetOf } from "../trail/packet.ts"
import { leafIndex, subtreesOf } from "../trail/tree.ts"
import type { ConsistencyProof, ReceiptProof } from "../trail/verify-proof.ts"
import { disclosuresOf } from "./export-trail.ts"

/** The packet of a decision, with the proof that all its events are under the newest checkpoint, where they are. */
export async function packetOfSpend(snapshot: Snapshot, wallet: string, spend: Spend): Promise<ProofPacket> {
  const own = await eventsOfSpend(snapshot, wallet, spend)
  const rows = [...(await mandateRows(snapshot, wallet, spend, own[0]?.seq ?? 1)), ...own]
  const disclosures = own.flatMap((row) => disclosuresOf(openEvent(row), row, spend))
  const events = rows.map(({ remark: _apart, ...row }) => openEvent(row))
  return packetOf(events, disclosures, await packetProof(snapshot, rows))
}

async function mandateRows(
  snapshot: Snapshot,
  wallet: string,
  { mandate, run }: Spend,
  before: number,
): Promise<readonly EventRow[]> {
  const { version, hash, agentVersion, agentHash } = mandate
  const { agent } = run
  const own =
    agentHash === undefined || agentVersion === undefined || agent === undefined
      ? undefined
      : await findMandate(snapshot, wallet, { before, version: agentVersion, hash: agentHash, agent })
  const rows = [await findMandate(snapshot, wallet, { before, version, hash }), own]
  return rows.filter((row) => row !== undefined).sort((left, right) => left.seq - right.seq)
}

async function packetProof(snapshot: Snapshot, rows: readonly EventRow[]): Promise<PacketProof | null> {
  const kept = await snapshot.checkpoint()
  if (kept === undefined) return null
  const leaves: PacketProof["leaves"][number][] = []
  for (const { wallet, seq } of rows) {
    const index = await leafIndex(snapshot, wallet, seq)
    if (index === undefined || index >= kept.size) return null
    leaves.push({ seq, index, hashes: await pathOf(snapshot, index, kept.size) })
  }
  return { checkpoint: kept.note, leaves }
}

async function pathOf(snapshot: Snapshot, index: number, size: number): Promise<readonly string[]> {
  return (await inclusionProof(subtreesOf(snapshot), index, size)).map((hash) => textOfBytes(hash, "base64"))
}

/** @throws {NornrError} `state_conflict` where no checkpoint covers it, or the ledger has another event there */
export async function proveReceipt(snapshot: Snapshot, receipt: Receipt): Promise<ReceiptProof> {
  const { wallet, seq, hash } = receipt
  const [row] = await snapshot.events(wallet, seq, 1)
  if (row?.seq !== seq || row.hash !== hash) {
    const problem = `The ledger has no such event ${seq} of wallet ${JSON.stringify(wallet)}.`
    throw new NornrError("state_conflict", problem, {
      remedy: "Run `nornr verify --receipt`: it was cut or rewritten.",
    })
  }
  const kept = await snapshot.checkpoint()
  const index = await leafIndex(snapshot, wallet, seq)
  if (kept === undefined || index === undefined || index >= kept.size) {
    const problem = `No checkpoint covers event ${seq} of wallet ${JSON.stringify(wallet)} yet.`
    throw new NornrError("state_conflict", problem, { remedy: "Make one with `nornr checkpoint`." })
  }
  const hashes = await pathOf(snapshot, index, kept.size)
  const { remark: _apart, ...event } = openEvent(row)
  return {
    kind: "nornr.receipt_proof",
    v: 1,
    receipt: { wallet, seq, hash },
    event,
    checkpoint: kept.note,
    index,
    hashes,
  }
}

/** @throws {NornrError} `invalid_option`, `ledger_rolled_back`, `state_conflict` */
export async function proveConsistency(snapshot: Snapshot, from: string): Promise<ConsistencyProof> {
  const earlier = parseCheckpoint(from)
  if (earlier === undefined) {
    throw new NornrError("invalid_option", "from is no signed checkpoint.", {
      remedy: "Pass the note as it was given.",
    })
  }
  const kept = await snapshot.checkpoint()
  if (kept === undefined) {
    throw new NornrError("state_conflict", "The ledger has no checkpoint.", {
      remedy: "Make one with `nornr checkpoint`.",
    })
  }
  if (earlier.size > kept.size) {
    const problem = `The checkpoint covers ${earlier.size} events, the ledger's newest ${kept.size}.`
    const remedy = "Make a new one; where that has fewer events, the ledger was rolled back."
    throw new NornrError("ledger_rolled_back", problem, { remedy })
  }
  const root = earlier.size === 0 ? emptyRoot() : await rootOf(subtreesOf(snapshot), 0, earlier.size)
  if (!equalBytes(root, earlier.root)) {
    const problem = "The checkpoint was signed for other events than the ledger has."
    const remedy = "Find the ledger that it is of; if it is this one, it was rewritten: run `nornr verify`."
    throw new NornrError("ledger_rolled_back", problem, { remedy })
  }
  const hashes = await consistencyProof(subtreesOf(snapshot), earlier.size, kept.size)
  const texts = hashes.map((hash) => textOfBytes(hash, "base64"))
  return { kind: "nornr.consistency_proof", v: 1, from, to: kept.note, hashes: texts }
}
