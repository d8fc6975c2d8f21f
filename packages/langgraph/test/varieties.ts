import type { ContractTool } from "@nornr/core/contracts"
import { createAgent } from "langchain"
import { type Building, bareTools, type Runnable } from "../../langchain/test/agent-app.ts"
import { governedTool, walletMiddleware } from "../src/index.ts"
import { gateGraph, nodeGraph } from "./step-graphs.ts"
import { toolGraph } from "./tool-graphs.ts"

type Build = (building: Building, tools: readonly ContractTool[]) => Runnable

const wrapped = (tools: readonly ContractTool[]) =>
  bareTools(tools).map((tool, index) => governedTool(tool, tools[index]?.terms as never))

function middleware(tools: readonly ContractTool[]) {
  const terms = tools.map(({ name, terms: { wallet: _, ...own } }) => [name, own])
  return walletMiddleware({ wallet: tools[0]?.terms.wallet as never, tools: Object.fromEntries(terms) })
}

/** Every place where a paid call can be governed. */
export const varieties = {
  "wrapped tools in an agent": (building, tools) => createAgent({ ...building, tools: wrapped(tools) }),
  "wrapped tools in an agent of v1": (building, tools) =>
    createAgent({ ...building, tools: wrapped(tools), version: "v1" }),
  "the middleware": (building, tools) =>
    createAgent({ ...building, tools: bareTools(tools), middleware: [middleware(tools)] }),
  "the middleware in v1": (building, tools) =>
    createAgent({ ...building, tools: bareTools(tools), middleware: [middleware(tools)], version: "v1" }),
  "a ToolNode with one task": (building, tools) => toolGraph(building, wrapped(tools), "one task"),
  "a ToolNode with a task a call": (building, tools) => toolGraph(building, wrapped(tools), "a task a call"),
  "a gate": gateGraph,
  "a governed node": nodeGraph,
} as const satisfies Record<string, Build>

export type Variety = keyof typeof varieties
