import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
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
})
