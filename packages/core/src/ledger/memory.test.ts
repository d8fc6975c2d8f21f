import { describe, test } from "vitest"
import { testLedger } from "../contracts/index.ts"
import { memoryLedger } from "./memory.ts"

describe("the memory ledger", () =>
  testLedger({
    test,
    durable: false,
    async create() {
      const ledger = memoryLedger()
      return { open: async () => ledger, destroy: () => ledger.close() }
    },
  }))
