import { testAdapter } from "@nornr/core/contracts"
import { describe, test } from "vitest"
import { z } from "zod"
import { agentApp, bareTools, byThread } from "../test/agent-app.ts"
import { assertSameAsBare } from "../test/differential.ts"
import { governedTool } from "./index.ts"
import type { WrappedTerms } from "./types.ts"

const runs = [
  ["awaited", false],
  ["streamed", true],
] as const

const skip = {
  "refuses a call that would have to wait where nothing can be kept, and holds nothing":
    "each run of the SDK gives its state",
} as const

describe.each(runs)("Wrapped tools in runs that are %s", (_, isStreamed) =>
  testAdapter({
    test,
    async start(tools, storage) {
      const bare = bareTools(tools)
      const governed = bare.map((each, index) =>
        governedTool(each, { ...(tools[index]?.terms as WrappedTerms<{ price: number }>), scope: byThread }),
      )
      const compare = () => assertSameAsBare("wrapped", tools[0]?.terms ?? {}, isStreamed)
      return agentApp({ governed, bare, isStreamed, compare }, storage)
    },
    hidesFailures: true,
    skip,
  }),
)

describe.each(runs)("Tools that are made under terms, in runs that are %s", (_, isStreamed) =>
  testAdapter({
    test,
    async start(tools, storage) {
      const parameters = z.object({ price: z.number() })
      const governed = tools.map(({ name, execute, terms }) =>
        governedTool({ name, description: name, parameters, execute, ...terms, scope: byThread }),
      )
      const compare = () => assertSameAsBare("made", tools[0]?.terms ?? {}, isStreamed)
      return agentApp({ governed, bare: bareTools(tools), isStreamed, compare }, storage)
    },
    skip,
  }),
)
