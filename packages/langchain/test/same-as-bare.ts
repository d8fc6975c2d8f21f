import assert from "node:assert/strict"
import type { Terms } from "@nornr/core"
import { testWallet } from "@nornr/core/testing"
import { bareTools } from "./bare-tools.ts"
import { places, type Tool } from "./differential.ts"

/** A sample of the differential test: streaming, callbacks and state of a governed tool are those of the bare one. */
export async function assertSameAsBare(govern: (tool: Tool, terms: Terms<never>) => Tool): Promise<void> {
  for (const make of [bareTools.stream, bareTools.runtime, bareTools.metadata]) {
    for (const where of ["in an agent", "in a graph"]) {
      const { wallet } = await testWallet({ dailyLimit: 50 })
      const governed = govern(make(), { wallet, amount: 1, to: "vendor" })
      assert.deepEqual(await places[where]?.(governed, { n: 2 }), await places[where]?.(make(), { n: 2 }))
    }
  }
}
