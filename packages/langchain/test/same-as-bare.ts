import assert from "node:assert/strict"
import type { Terms } from "@nornr/core"
import { testWallet } from "@nornr/core/testing"
import type { AgentMiddleware } from "langchain"
import { bareTools } from "./bare-tools.ts"
import { places as allPlaces, type Place, type Tool } from "./differential.ts"

/** A sample of the differential test: streaming, callbacks and state of a governed tool are those of the bare one. */
export async function assertSameAsBare(
  places: readonly (keyof typeof allPlaces)[],
  govern: (
    tool: Tool,
    terms: Terms<never>,
  ) => { readonly tool: Tool; readonly middleware?: AgentMiddleware[] },
): Promise<void> {
  for (const make of [bareTools.stream, bareTools.runtime, bareTools.metadata]) {
    for (const where of places) {
      const { wallet } = await testWallet({ dailyLimit: 50 })
      const { tool, middleware } = govern(make(), { wallet, amount: 1, to: "vendor" })
      const place = allPlaces[where] as Place
      assert.deepEqual(await place(tool, { n: 2 }, middleware), await place(make(), { n: 2 }))
    }
  }
}
