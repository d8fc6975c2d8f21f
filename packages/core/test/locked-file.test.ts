import assert from "node:assert/strict"
import { join } from "node:path"
import { describe, test } from "vitest"
import { Wallet } from "../src/index.ts"
import { temporaryFolder } from "./temporary-folder.ts"

describe("a ledger that another process has locked", () => {
  test("waits without blocking the event loop, answers reads, and commits when it is free", async () => {
    const folder = temporaryFolder()
    const path = join(folder.path, "ledger.db")
    const wallet = await Wallet.create({ owner: "o", dailyLimit: 10, ledger: path })
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite")
    const other = new DatabaseSync(path)
    try {
      other.exec("BEGIN IMMEDIATE")
      const asked = wallet.pay({ amount: 1, to: "openai" })
      const aborted = wallet.pay({ amount: 1, to: "openai", signal: AbortSignal.timeout(20) })
      assert.equal((await wallet.balance()).limits[0]?.held, "0.00")
      await assert.rejects(aborted, { code: "aborted" })
      other.exec("ROLLBACK")
      assert.equal((await asked).status, "approved")
      assert.equal((await wallet.balance()).limits[0]?.held, "1.00")
    } finally {
      other.close()
      await wallet.close()
      folder.remove()
    }
  })
})
