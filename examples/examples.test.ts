import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { describe, test } from "vitest"

const run = promisify(execFile)
const stories = readdirSync(import.meta.dirname).filter((name) =>
  existsSync(join(import.meta.dirname, name, "main.ts")),
)

describe("an example", () => {
  for (const story of stories) {
    test(`asserts its own outcome: ${story}`, async () => {
      const { FORCE_COLOR: _colours, ...rest } = process.env
      const env = { ...rest, NORNR_LEDGER: "memory:", NO_COLOR: "1" }
      const { stdout, stderr } = await run(process.execPath, [join(import.meta.dirname, story, "main.ts")], {
        env,
      })
      assert.notEqual(stdout, "")
      assert.match(stderr, /^(nornr: new ledger at \S+\n)?$/)
    })
  }
})
