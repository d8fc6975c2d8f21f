type LangGraph = typeof import("@langchain/langgraph")

let loading: Promise<LangGraph | undefined> | undefined

/** LangGraph where it is installed: the classes of its commands, for what cannot be told by name. */
export function langgraph(): Promise<LangGraph | undefined> {
  loading ??= import("@langchain/langgraph").catch(() => undefined)
  return loading
}
