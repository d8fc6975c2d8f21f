import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as pause } from "node:timers/promises"
import { test } from "vitest"
import { AuditDesk, createCheckpointKey } from "../src/index.ts"
import { temporaryFolder } from "./temporary-folder.ts"

test("checkpoints go on where a process was killed in the middle of one, and never tell two stories", async () => {
  const { path, remove } = temporaryFolder()
  const [ledger, file] = [join(path, "ledger.db"), join(path, "last.txt")]
  const key = await createCheckpointKey(join(path, "key"), "example.com/spend")
  const worker = join(import.meta.dirname, "workers/checkpoint-until-killed.ts")
  let signed = 0
  for (let round = 0; round < 6; round++) {
    const child = spawn(process.execPath, [worker, ledger, key.path, file], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    const lines = createInterface({ input: child.stdout })
    lines.on("line", (line) => {
      assert(Number(line) >= signed, "the tree shrank")
      signed = Number(line)
    })
    await once(lines, "line")
    await pause(Math.random() * 120)
    child.kill("SIGKILL")
    await once(child, "close")
  }
  await using audit = await AuditDesk.open({ ledger })
  const outside = readFileSync(file, "utf8")
  const { size } = await audit.checkpoint({ key: key.path, to: [{ file }] })
  assert(size >= signed)
  const report = await audit.verify({ keys: [key.publicKey], checkpoints: [outside] })
  assert(report.ok, report.ok ? "" : report.message)
  assert.equal(report.uncovered, 0)
  remove()
})
