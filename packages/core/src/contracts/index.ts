export {
  type AdapterApp,
  type AdapterContract,
  type AdapterScenario,
  type ContractArgs,
  type ContractCall,
  type ContractResult,
  type ContractStorage,
  type ContractTool,
  type Turn,
  testAdapter,
} from "./adapter-contract.ts"
export { type LedgerContract, type LedgerStore, testLedger, type Writer } from "./ledger-contract.ts"
export {
  callMetered,
  type MeteredAnswer,
  type MeteredService,
  startMeteredService,
} from "./metered-service.ts"
export { writeUntilKilled } from "./write-until-killed.ts"
