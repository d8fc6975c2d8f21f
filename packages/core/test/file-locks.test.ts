import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { afterAll, describe, test } from "vitest"
import { AuditDesk, ReviewDesk, Wallet } from "../src/index.ts"
import { hasPython } from "./python.ts"
import { temporaryFolder } from "./temporary-folder.ts"

const folder = temporaryFolder()
afterAll(() => folder.remove())

const look = (ledger: string) =>
  spawnSync("python3", [
    "-c",
    "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute('SELECT count(*) FROM event').fetchone(); d.close()",
    ledger,
  ])

describe("a ledger that is open twice in a process", () => {
  test.skipIf(!hasPython)("keeps its log when another SQLite has looked into the file", async () => {
    const ledger = join(folder.path, "ledger.db")
    await using wallet = await Wallet.create({ owner: "ops", ledger, dailyLimit: 100 })
    await (await AuditDesk.open({ ledger })).close()
    await (await ReviewDesk.open({ ledger, reviewer: "ana" })).close()
    await (await Wallet.connect({ owner: "ops", ledger })).close()
    assert.equal(look(ledger).status, 0)
    assert(existsSync(`${ledger}-wal`), "the log was deleted under the wallet")
    await wallet.pay({ amount: 80, to: "vendor.example" })
    const { status, stdout } = spawnSync("python3", [
      "-c",
      "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM spend').fetchone()[0])",
      ledger,
    ])
    assert.deepEqual([status, String(stdout)], [0, "1\n"])
  })
})
