export * from "@nornr/langchain"
export { type DecisionGate, type DecisionsSlot, decisionGate } from "./decision-gate.ts"
export {
  type Decisions,
  decisionsChannel,
  decisionsField,
  decisionsValue,
  mergeDecisions,
} from "./decisions.ts"
export { governedNode, type NodeTerms } from "./governed-node.ts"
export type { StepTerms } from "./node-use.ts"
export { sendToolCalls } from "./send-tool-calls.ts"
