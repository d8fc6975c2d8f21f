/**
 * Verification for strangers: pure functions that need no ledger and no Node, in browsers too. Keys are pinned by
 * whoever verifies.
 */
export type { TrailEvent } from "./event.ts"
export { type Fault, type FaultKind, faultKinds, type Unsound } from "./fault.ts"
export type { TextSource } from "./lines.ts"
export type { PacketDisclosure, PacketGroups, PacketProof, ProofPacket } from "./packet.ts"
export type { KeyOptions } from "./pinned.ts"
export { type TrailReport, type VerifyOptions, verifyTrail } from "./verify.ts"
export { type Covered, type ExportOptions, type ExportReport, verifyExport } from "./verify-export.ts"
export { type PacketReport, verifyPacket } from "./verify-packet.ts"
export {
  type ConsistencyProof,
  type ProofReport,
  type ReceiptProof,
  verifyConsistency,
  verifyNote,
  verifyReceipt,
} from "./verify-proof.ts"
