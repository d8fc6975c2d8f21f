import assert from "node:assert/strict"
import { join } from "node:path"
import { afterEach, beforeEach, describe, test } from "vitest"
import { temporaryFolder } from "../../test/temporary-folder.ts"
import { memoryLedger } from "./memory.ts"
import { openLedger } from "./open-ledger.ts"

let folder = temporaryFolder()
beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => folder.remove())

const surroundings = (env: Record<string, string> = {}) => ({ cwd: folder.path, env })

describe("opening a ledger", () => {
  test("takes code before the environment before the default", async () => {
    const env = { NORNR_LEDGER: "env.db" }
    const byCode = await openLedger({ ledger: "code.db" }, { surroundings: surroundings(env) })
    const byEnvironment = await openLedger({}, { surroundings: surroundings(env) })
    const byDefault = await openLedger({}, { surroundings: surroundings() })
    const names = [byCode, byEnvironment, byDefault].map(({ ledger }) => ledger.name)
    assert.deepEqual(names, [
      join(folder.path, "code.db"),
      join(folder.path, "env.db"),
      join(folder.path, ".nornr", "ledger.db"),
    ])
    for (const { release } of [byCode, byEnvironment, byDefault]) await release()
  })

  test("lets code settle what the environment would not allow", async () => {
    const { ledger, release } = await openLedger(
      { ledger: "memory:" },
      { surroundings: surroundings({ NORNR_BASE_URL: "http://x" }) },
    )
    assert.equal(ledger.name, "memory:")
    await release()
    const both = { NORNR_LEDGER: "a.db", NORNR_BASE_URL: "http://x" }
    await assert.rejects(openLedger({}, { surroundings: surroundings(both) }), {
      code: "invalid_option",
      message: /NORNR_LEDGER and NORNR_BASE_URL/,
    })
    await assert.rejects(openLedger({}, { surroundings: surroundings({ NORNR_BASE_URL: "http://x" }) }), {
      code: "unsupported",
    })
  })

  test("opens one file once in a process and closes it with its last user", async () => {
    const one = await openLedger({ ledger: "a.db" }, { surroundings: surroundings() })
    const two = await openLedger({ ledger: join(folder.path, "a.db") }, { surroundings: surroundings() })
    assert.equal(one.ledger, two.ledger)
    await one.release()
    await one.release()
    await two.ledger.wallets()
    await two.release()
    await assert.rejects(two.ledger.wallets(), { code: "ledger_closed" })
  })

  test("refuses a file that another SQLite library has open in the process", async () => {
    const registry = (globalThis as unknown as Record<symbol, Map<string, unknown>>)[
      Symbol.for("nornr.ledgers/1")
    ]
    assert(registry !== undefined)
    const path = join(folder.path, "b.db")
    registry.set(path, { library: "better-sqlite3", ledger: Promise.resolve(memoryLedger()), users: 1 })
    await assert.rejects(openLedger({ ledger: path }, { surroundings: surroundings() }), {
      code: "ledger_refused",
    })
    registry.delete(path)
  })

  test("says where a new default ledger is, once", async () => {
    const said: string[] = []
    const write = process.stderr.write
    process.stderr.write = ((text: string) => said.push(text) > 0) as typeof write
    try {
      await (await openLedger({}, { surroundings: surroundings() })).release()
      await (await openLedger({}, { surroundings: surroundings() })).release()
    } finally {
      process.stderr.write = write
    }
    assert.deepEqual(said, [`nornr: new ledger at ${join(folder.path, ".nornr", "ledger.db")}\n`])
  })
})
