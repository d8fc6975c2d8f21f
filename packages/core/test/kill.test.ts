import assert from "node:assert/strict"
import { join } from "node:path"
import { describe, test } from "vitest"
import { Wallet } from "../src/index.ts"
import { startWriter } from "./processes.ts"
import { temporaryFolder } from "./temporary-folder.ts"

describe("a team of processes that are killed", () => {
  test("never passes its limit and loses no acknowledged approval", async () => {
    const folder = temporaryFolder()
    try {
      const path = join(folder.path, "ledger.db")
      const acknowledged: string[] = []
      for (let round = 0; round < 4; round++) {
        const team = Array.from({ length: 3 }, () => startWriter(path, "spend-until-killed"))
        await Promise.all(team.map((member) => member.killAfter(1 + Math.floor(Math.random() * 4))))
        acknowledged.push(...team.flatMap((member) => member.acknowledged).filter((line) => line !== "full"))
      }
      const wallet = await Wallet.connect({ owner: "team", ledger: path })
      const approved = new Set<unknown>()
      for await (const { data } of wallet.trail())
        if (data["status"] === "approved") approved.add(data["decision"])
      assert(approved.size <= 60, `${approved.size} of 60 were approved`)
      for (const id of acknowledged) assert(approved.has(id), `${id} is lost`)
      const report = await wallet.verify()
      assert(report.ok, report.ok ? "" : report.message)
      const rest = await Promise.all(
        Array.from({ length: 70 }, () => wallet.pay({ amount: 1, to: "openai" })),
      )
      const more = rest.filter(({ status }) => status === "approved").length
      assert.equal(approved.size + more, 60)
      await wallet.close()
    } finally {
      folder.remove()
    }
  })
})
