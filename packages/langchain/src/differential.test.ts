import assert from "node:assert/strict"
import { testWallet } from "@nornr/core/testing"
import { describe, test } from "vitest"
import { bareTools, type ToolName } from "../test/bare-tools.ts"
import { places } from "../test/differential.ts"
import { governedTool, walletMiddleware } from "./index.ts"

const args: Partial<Record<ToolName, unknown>> = { textInput: { input: "a line" } }
const bad = { n: "many" }

/** A list of documents has no place for a decision inside: LangChain's own key for it is used. */
const wallet = () => testWallet({ dailyLimit: 50 })

describe.each(Object.entries(places))("A governed tool that is called %s", (_where, place) => {
  test.each(Object.keys(bareTools) as ToolName[])(
    "is seen as the bare %s is, but for its decision",
    async (name) => {
      const make = bareTools[name] as () => never
      const governed = governedTool(make(), { wallet: (await wallet()).wallet, amount: 1, to: "vendor" })
      const given = args[name] ?? { n: 2 }
      assert.deepEqual(await place(governed, given), await place(make(), given))
    },
  )

  test.each(["text", "transformed", "zod3", "jsonSchema"] as const)(
    "refuses arguments as the bare %s does, and asks for nothing",
    async (name) => {
      const make = bareTools[name] as () => never
      const stage = await wallet()
      const governed = governedTool(make(), { wallet: stage.wallet, amount: 1, to: "vendor" })
      assert.deepEqual(await place(governed, bad), await place(make(), bad))
      assert.equal((await stage.wallet.balance()).limits[0]?.held, "0.00")
    },
  )
})

/** What only a call without an agent can show. */
const agents = Object.entries(places).filter(([where]) => where.startsWith("in an agent"))

describe.each(agents)("A tool under the middleware %s", (_where, place) => {
  const gateOf = async (name: string) => {
    const { wallet } = await testWallet({ dailyLimit: 50 })
    return [walletMiddleware({ wallet, tools: { [name]: { amount: 1, to: "vendor" } } })]
  }

  test.each(Object.keys(bareTools) as ToolName[])(
    "is seen as the bare %s is, but for its decision",
    async (name) => {
      const make = bareTools[name] as () => { name: string }
      const given = args[name] ?? { n: 2 }
      assert.deepEqual(await place(make(), given, await gateOf(make().name)), await place(make(), given))
    },
  )

  test.each(["text", "transformed", "zod3", "jsonSchema"] as const)(
    "is refused bad arguments as the bare %s is",
    async (name) => {
      const make = bareTools[name] as () => { name: string }
      assert.deepEqual(await place(make(), bad, await gateOf(make().name)), await place(make(), bad))
    },
  )
})
