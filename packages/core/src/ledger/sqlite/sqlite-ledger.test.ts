import { join } from "node:path"
import { describe, test } from "vitest"
import { startWriter } from "../../../test/processes.ts"
import { temporaryFolder } from "../../../test/temporary-folder.ts"
import { testLedger } from "../../contracts/index.ts"
import type { Ledger } from "../ledger.ts"
import { sqliteLedger } from "./sqlite-ledger.ts"

describe("the SQLite ledger", () =>
  testLedger({
    test,
    durable: true,
    async create() {
      const folder = temporaryFolder()
      const path = join(folder.path, "ledger.db")
      const opened: Ledger[] = []
      return {
        async open() {
          const ledger = await sqliteLedger(path)
          opened.push(ledger)
          return ledger
        },
        startWriter: () => startWriter(path),
        async destroy() {
          for (const ledger of opened) await ledger.close()
          folder.remove()
        },
      }
    },
  }))
