export {
  AuditDesk,
  type AuditOptions,
  type KeptCheckpoint,
  type SimulateOptions,
  type TrailExportOptions,
} from "./audit/audit-desk.ts"
export type { MandateRecord } from "./audit/mandates.ts"
export type { SimulatedChange, Simulation } from "./audit/simulate.ts"
export type { LedgerReport } from "./audit/verify-ledger.ts"
export { createCheckpointKey, type NewKey } from "./checkpoint/key-file.ts"
export { type Publishing, type PublishOptions, publishCheckpoints } from "./checkpoint/publish-checkpoints.ts"
export type { CheckpointTarget } from "./checkpoint/targets.ts"
export {
  type DeskOptions,
  type ReviewDecision,
  ReviewDesk,
  type Said,
  type Subject,
} from "./desk/review-desk.ts"
export type { Redactable } from "./engine/redact.ts"
export { type ErrorCode, errorCodes } from "./error/codes.ts"
export { NornrError } from "./error/nornr-error.ts"
export { type ErrorRule, type EvidenceOf, evaluate, type GovernedCall, type Lazy } from "./govern/call.ts"
export { codecOf, type Reducers, type Revivers } from "./govern/codec.ts"
export { type CurrentSpend, currentSpend } from "./govern/current-spend.ts"
export { decisionOf, decisionsOf } from "./govern/decision-of.ts"
export type { StreamRun } from "./govern/govern-stream.ts"
export { type CallOptions, governed, governedStream } from "./govern/governed.ts"
export { governedMark, isGoverned } from "./govern/mark.ts"
export { type ModelPrice, type ModelTerms, type ModelUsage, parseModelTerms } from "./govern/model-terms.ts"
export { notCharged } from "./govern/not-charged.ts"
export {
  errorMessage,
  errorSlot,
  type NotRun,
  type Outcome,
  refusalError,
  refusalOf,
  strandedMessage,
} from "./govern/outcome.ts"
export type { Codec, Recorded } from "./govern/recorded.ts"
export {
  askUse,
  type Call,
  callKey,
  cancelUse,
  checkTerms,
  governStreamUse,
  governUse,
  type May,
  refusalText,
  requireOptions,
  requireSource,
  type Terms,
  type ToolUse,
  termNames,
  termsByName,
  type WalletSource,
  walletOf,
  within,
} from "./govern/terms.ts"
export {
  createToolExecutor,
  type Executed,
  type ExecuteOptions,
  type ExecutorTool,
  type ExecutorTools,
  type ToolCall,
  type ToolExecutor,
} from "./govern/tool-executor.ts"
export { requireToolNames } from "./govern/tool-names.ts"
export { warnNotRun } from "./govern/warn.ts"
export type { Intent, RunRef } from "./intent/intent.ts"
export type { Ledger } from "./ledger/ledger.ts"
export type { Place } from "./ledger/open-ledger.ts"
export { ruleVariables } from "./mandate/rule.ts"
export type { AgentTerms, Dimension, Limit, MandateTerms, Reviewer, Rule, Where } from "./mandate/terms.ts"
export { type Amount, parseAmount } from "./money/money.ts"
export type { Notification, NotificationKind, Notifications } from "./notify/notification.ts"
export type { NotifyTarget } from "./notify/targets.ts"
export type { Outside } from "./outside/outside.ts"
export { type Reason, type ReasonCode, reasonCodes } from "./policy/reason.ts"
export type { Approval, Decision, Execution, Preview, Receipt } from "./spend/decision.ts"
export type { AttachedEvidence, Evidence } from "./spend/evidence.ts"
export type { Clock } from "./time/clock.ts"
export type { Duration } from "./time/duration.ts"
export { type EventType, eventTypes } from "./trail/event.ts"
export * from "./trail/index.ts"
export type { Balance, LimitBalance } from "./wallet/balance.ts"
export type { DecisionRef } from "./wallet/decision-ref.ts"
export { currentDecision } from "./wallet/open-wallets.ts"
export type { AgentOptions, ConnectOptions, CreateOptions } from "./wallet/options.ts"
export type { TrailQuery } from "./wallet/read-trail.ts"
export type { WaitOptions } from "./wallet/reviewed.ts"
export { type QueuedQuery, Wallet } from "./wallet/wallet.ts"
