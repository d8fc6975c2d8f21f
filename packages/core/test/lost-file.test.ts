import assert from "node:assert/strict"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { describe, test } from "vitest"
import { Wallet } from "../src/index.ts"
import { temporaryFolder } from "./temporary-folder.ts"

describe("a ledger file that is lost while it is open", () => {
  test("refuses decisions that nobody else would ever see", async () => {
    const folder = temporaryFolder()
    const path = join(folder.path, "ledger.db")
    const wallet = await Wallet.create({ owner: "o", dailyLimit: 10, ledger: path })
    for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix)
    await pause(60)
    await assert.rejects(wallet.pay({ amount: 1, to: "openai" }), { code: "ledger_unavailable" })
    await assert.rejects(wallet.pay({ amount: 1, to: "openai" }), { code: "ledger_unavailable" })
    await wallet.close()
    folder.remove()
  })
})
