import { testAdapter } from "@nornr/core/contracts"
import { createAgent } from "langchain"
import { describe, test } from "vitest"
import { agentApp, type Building, bareTools } from "../test/agent-app.ts"
import { helperOf } from "../test/helper.ts"
import { assertSameAsBare } from "../test/same-as-bare.ts"
import { governedTool } from "./index.ts"

describe.each(["v1", "v2"] as const)("Governed tools in an agent of %s", (version) =>
  testAdapter({
    test,
    async start(tools, storage) {
      const bare = bareTools(tools)
      const governed = bare.map((each, index) => governedTool(each, tools[index]?.terms as never))
      const build = (building: Building) => createAgent({ ...building, tools: governed, version })
      return agentApp(
        {
          build,
          buildBare: (building) => createAgent({ ...building, tools: bare, version }),
          buildNested: ({ model, checkpointer }) => helperOf(build({ model }), checkpointer),
          compare: () =>
            assertSameAsBare(["in an agent", "in an agent of version v1"], (tool, terms) => ({
              tool: governedTool(tool, terms as never),
            })),
        },
        storage,
      )
    },
    bareFailures: true,
  }),
)
