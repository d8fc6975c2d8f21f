import assert from "node:assert/strict"
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { hasPython, pythonVerifier } from "@nornr/support/python"
import { startVendor } from "@nornr/support/vendor"
import { test } from "vitest"
import { Project } from "./terminal.ts"

const story = join(import.meta.dirname, "../../../examples/langgraph-gate-paid-tools")

test("nornr approvals approve in one terminal resumes the paused graph in another; its export and a packet verify", async () => {
  const project = new Project()
  const vendor = await startVendor()
  const env = {
    ...process.env,
    SERVICE_URL: vendor.url,
    NORNR_LEDGER: project.ledger,
    CHECKPOINTS: project.at("checkpoints.db"),
    STATES: project.folder,
  }
  const start = (script: string) =>
    spawn(process.execPath, [join(story, script)], { env, stdio: ["ignore", "pipe", "inherit"] })
  try {
    await once(start("start.ts"), "close")
    assert.deepEqual(vendor.sold, ["a domain name"])
    const worker = start("resume.ts")
    const goesOn = new Promise<void>((resolve) => {
      createInterface({ input: worker.stdout }).on("line", (line) => line.includes("goes on") && resolve())
    })
    const { pending } = await project.json<{ pending: { id: string; amount: string }[] }>("approvals")
    assert.deepEqual(
      pending.map(({ amount }) => amount),
      ["24.00"],
    )
    const approved = await project.run(
      "approvals",
      "approve",
      pending[0]?.id ?? "",
      "--comment",
      "we need them on Monday",
    )
    assert.equal(approved.code, 0, approved.err)
    await goesOn
    worker.kill("SIGTERM")
    await once(worker, "close")
    assert.deepEqual(vendor.sold, ["a domain name", "a week of servers"])

    const { publicKey } = await project.json<{ publicKey: string }>(
      "checkpoint",
      "init",
      "--name",
      "example.com/spend",
    )
    await project.run("checkpoint")
    await project.run("export", "-o", "trail.jsonl")
    const verified = await project.run("verify", "trail.jsonl", "--key", publicKey)
    assert.match(verified.out, /Sound[\s\S]*Covered up to event \d+ by example\.com\/spend/)
    await project.run("evidence", "packet", pending[0]?.id ?? "", "-o", "packet.json")
    assert.equal((await project.run("verify", "packet.json", "--key", publicKey)).code, 0)
    if (!hasPython) return
    const said = execFileSync(
      "python3",
      [pythonVerifier, "packet", project.at("packet.json"), "--key", publicKey],
      { encoding: "utf8" },
    )
    assert.match(said, /Nothing was found/)
  } finally {
    vendor.close()
    project.remove()
  }
})
