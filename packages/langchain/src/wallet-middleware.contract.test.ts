import { testAdapter } from "@nornr/core/contracts"
import { createAgent } from "langchain"
import { describe, test } from "vitest"
import { agentApp, type Building, bareTools } from "../test/agent-app.ts"
import { helperOf } from "../test/helper.ts"
import { assertSameAsBare } from "../test/same-as-bare.ts"
import { walletMiddleware } from "./index.ts"

describe.each(["v1", "v2"] as const)("The wallet middleware in an agent of %s", (version) =>
  testAdapter({
    test,
    async start(given, storage) {
      const tools = bareTools(given)
      const wallet = given[0]?.terms.wallet as never
      const terms = Object.fromEntries(given.map(({ name, terms: { wallet: _, ...own } }) => [name, own]))
      const middleware = [walletMiddleware({ wallet, tools: terms as never })]
      const build = (building: Building) => createAgent({ ...building, tools, middleware, version })
      return agentApp(
        {
          build,
          buildBare: (building) => createAgent({ ...building, tools, version }),
          buildNested: ({ model, checkpointer }) => helperOf(build({ model }), checkpointer),
          compare: () =>
            assertSameAsBare(
              ["in an agent", "in an agent of version v1"],
              (tool, { wallet: own, ...named }) => ({
                tool,
                middleware: [walletMiddleware({ wallet: own, tools: { [tool.name]: named as never } })],
              }),
            ),
        },
        storage,
      )
    },
    cancelsOnNewTurn: true,
  }),
)
