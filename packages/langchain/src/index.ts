export {
  type Amount,
  type Approval,
  currentSpend,
  type Decision,
  decisionOf,
  decisionsOf,
  type Execution,
  type MandateTerms,
  type ModelTerms,
  NornrError,
  notCharged,
  type Outcome,
  ReviewDesk,
  type Terms,
  Wallet,
  type WalletSource,
} from "@nornr/core"
export { governedTool, governedTools } from "./governed-tool.ts"
export type { ReviewRequest } from "./graph/pausing.ts"
export { pendingDecisions, resumeCommand } from "./graph/resume-command.ts"
export type { AnyTool, ArgsOf, ResultOf, TermsByName } from "./types.ts"
export { type WalletMiddlewareOptions, walletMiddleware } from "./wallet-middleware.ts"
