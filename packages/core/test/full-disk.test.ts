import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { appendFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, test } from "vitest"
import { NornrError, Wallet } from "../src/index.ts"
import { temporaryFolder } from "./temporary-folder.ts"

/** A file system of 2 MiB that really fills up; only root may mount one, on Linux. */
function smallDisk(path: string): (() => void) | undefined {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", path], { stdio: "ignore" })
    return () => void execFileSync("umount", [path])
  } catch {
    return undefined
  }
}

describe("a disk that fills up", () => {
  test("fails the commit, loses nothing and serves again when there is room", async (context) => {
    const folder = temporaryFolder()
    const unmount = smallDisk(folder.path)
    if (unmount === undefined) {
      folder.remove()
      return context.skip("mounting a small disk needs root on Linux")
    }
    try {
      const ballast = join(folder.path, "ballast")
      writeFileSync(ballast, Buffer.alloc(1_000_000))
      const wallet = await Wallet.create({
        owner: "o",
        dailyLimit: 1_000_000,
        ledger: join(folder.path, "ledger.db"),
      })
      const acknowledged: string[] = []
      const fill = async () => {
        for (;;)
          acknowledged.push((await wallet.pay({ amount: 1, to: "openai", args: "x".repeat(10_000) })).id)
      }
      await assert.rejects(fill, (error) => NornrError.isInstance(error) && error.code === "ledger_full")
      assert(acknowledged.length > 10)
      rmSync(ballast)
      assert.equal((await wallet.pay({ amount: 1, to: "openai" })).status, "approved")
      for (const id of acknowledged) assert.equal((await wallet.decision(id))?.status, "approved")
      assert.equal((await wallet.verify()).ok, true)
      assert.equal((await wallet.balance()).limits[0]?.held, `${acknowledged.length + 1}.00`)
      await wallet.close()
    } finally {
      unmount()
      folder.remove()
    }
  })

  test("does not lose the result of a tool that has run: settling is tried again", async (context) => {
    const folder = temporaryFolder()
    const unmount = smallDisk(folder.path)
    if (unmount === undefined) {
      folder.remove()
      return context.skip("mounting a small disk needs root on Linux")
    }
    try {
      const wallet = await Wallet.create({
        owner: "o",
        dailyLimit: 10,
        ledger: join(folder.path, "ledger.db"),
      })
      const ballast = join(folder.path, "ballast")
      const call = { tool: "search", key: "k", amount: 1, to: "openai" }
      const outcome = await wallet.govern(call, async () => {
        for (const size of [100_000, 4_096]) {
          try {
            for (;;) appendFileSync(ballast, Buffer.alloc(size))
          } catch {
            // It is full.
          }
        }
        return "x".repeat(50_000)
      })
      assert(outcome.status === "done")
      assert.deepEqual([outcome.settlement, outcome.result.length], ["pending", 50_000])
      rmSync(ballast)
      const again = await wallet.govern(call, () => "twice")
      assert(again.status === "done")
      assert.deepEqual([again.result.length, again.decision.execution.state], [50_000, "settled"])
      assert.equal((await wallet.verify()).ok, true)
      await wallet.close()
    } finally {
      unmount()
      folder.remove()
    }
  })
})
