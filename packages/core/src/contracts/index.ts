export { type LedgerContract, type LedgerStore, testLedger, type Writer } from "./ledger-contract.ts"
export { writeUntilKilled } from "./write-until-killed.ts"
