import assert from "node:assert/strict"
import { testWallet } from "@nornr/core/testing"
import { describe, test } from "vitest"
import { bareTool, forms, type Kind, kinds, observe } from "../test/differential.ts"
import type { Wallet } from "./index.ts"

const bad = [
  ["text", { n: "many" }],
  ["refined", { n: 200, s: "x" }],
  ["explaining", {}],
  ["reviewed", { n: null }],
  ["guarded", { n: [] }],
] as const

const cases = (["wrapped", "made"] as const).flatMap(
  (form) =>
    [
      [form, "awaited", false],
      [form, "streamed", true],
    ] as const,
)

describe.each(cases)("A tool that is %s under terms, in a run that is %s", (form, _, isStreamed) => {
  const governed = async (kind: Kind) => {
    const stage = await testWallet({ dailyLimit: 50 })
    const terms = { wallet: stage.wallet, amount: 1, to: "vendor", scope: () => "t" }
    return { ...stage, tool: forms[form](kind, terms) }
  }

  test.each(Object.keys(kinds) as Kind[])(
    "is seen as the bare tool is, but for its decision: %s",
    async (kind) => {
      const { tool } = await governed(kind)
      assert.deepEqual(
        await observe(tool, { n: 2 }, isStreamed),
        await observe(bareTool(kind), { n: 2 }, isStreamed),
      )
    },
  )

  test.each(bad)(
    "is refused bad arguments as the bare tool is, and asks for nothing: %s",
    async (kind, args) => {
      const { tool, wallet } = await governed(kind)
      assert.deepEqual(await observe(tool, args, isStreamed), await observe(bareTool(kind), args, isStreamed))
      await assertNothingAsked(wallet)
    },
  )

  test.each(["fatal", "structured"] as const)(
    "ends the run on bad arguments where nothing makes words of it, and asks for nothing: %s",
    async (kind) => {
      const { tool, wallet } = await governed(kind)
      const seen = JSON.stringify(await observe(tool, { n: "many" }, isStreamed))
      assert.match(seen, /ToolCallError.*InvalidToolInputError/)
      await assertNothingAsked(wallet)
    },
  )
})

async function assertNothingAsked(wallet: Wallet): Promise<void> {
  for await (const { type } of wallet.trail()) assert.doesNotMatch(type, /^decision/)
}
