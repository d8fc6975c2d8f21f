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
export { type BudgetGuardrailOptions, type BudgetInfo, budgetGuardrail } from "./budget-guardrail.ts"
export { type GovernedModelOptions, governedModel } from "./governed-model.ts"
export { governedTool } from "./governed-tool.ts"
export { type GovernedToolsOptions, governedMcpTools, governedTools } from "./governed-tools.ts"
export type { HostedMcpCall } from "./hosted-mcp.ts"
export { type PausedRun, pendingDecisions } from "./pending-decisions.ts"
export type { AnyFunctionTool, ArgsOf, GovernedTerms, GovernedToolOptions, WrappedTerms } from "./types.ts"
