/**
 * What the author of a ledger needs: the port, and the functions that run a batch of steps between loading and
 * writing. `@nornr/core/contracts` has the suite to run against it.
 */

export type { Use } from "../spend/counters.ts"
export type { Spend, SpendTexts } from "../spend/spend.ts"
export type { Disclosure } from "../trail/digest.ts"
export {
  type BatchReads,
  type BatchResult,
  batchTime,
  type Loaded,
  readsOf,
  runBatch,
  runByWallet,
} from "./batch.ts"
export type {
  CheckpointRow,
  Entry,
  EventRow,
  Facts,
  Head,
  LeafRun,
  Ledger,
  MandateRow,
  Reads,
  Settled,
  Snapshot,
  Step,
  StoredSpend,
  Tile,
  TreeGrowth,
  WalletRow,
  Writes,
} from "./ledger.ts"
