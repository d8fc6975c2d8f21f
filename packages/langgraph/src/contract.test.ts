import { testAdapter } from "@nornr/core/contracts"
import { describe, test } from "vitest"
import { agentApp, type Building, bareTools } from "../../langchain/test/agent-app.ts"
import { helperOf } from "../../langchain/test/helper.ts"
import { assertSameAsBare } from "../../langchain/test/same-as-bare.ts"
import { bareGraph, gateGraph, nodeGraph } from "../test/step-graphs.ts"
import { toolGraph } from "../test/tool-graphs.ts"
import { governedTool } from "./index.ts"

describe.each(["one task", "a task a call"] as const)("Governed tools in a ToolNode, %s", (tasks) =>
  testAdapter({
    test,
    async start(tools, storage) {
      const bare = bareTools(tools)
      const governed = bare.map((each, index) => governedTool(each, tools[index]?.terms as never))
      const build = (building: Building) => toolGraph(building, governed, tasks)
      return agentApp(
        {
          build,
          buildBare: (building) => toolGraph(building, bare, tasks),
          buildNested: ({ model, checkpointer }) => helperOf(build({ model }), checkpointer),
          compare: () =>
            assertSameAsBare(["in a graph"], (tool, terms) => ({ tool: governedTool(tool, terms as never) })),
        },
        storage,
      )
    },
    bareFailures: true,
  }),
)

const steps = { "a gate with its review": gateGraph, "a governed node": nodeGraph } as const

describe.each(Object.entries(steps))("A paid step behind %s", (_name, graphOf) =>
  testAdapter({
    test,
    async start(tools, storage) {
      return agentApp(
        {
          build: (building) => graphOf(building, tools),
          buildBare: (building) => bareGraph(building, tools),
          buildNested: ({ model, checkpointer }) => helperOf(graphOf({ model }, tools), checkpointer),
          throwsOf: "node",
        },
        storage,
      )
    },
    bareFailures: true,
    skip: {
      "holds nothing for a call that its schema refuses": "a node of a graph has no schema",
      "streams, calls back and reaches state as the bare tool does":
        "a node is called as it is: nothing is wrapped",
    },
  }),
)
