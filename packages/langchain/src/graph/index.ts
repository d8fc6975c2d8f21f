/** What adapters of LangGraph's runtime share: no part of the public promise, for `@nornr/langgraph`. */
export { GraphCommand, isCommand } from "./graph-command.ts"
export { governPausing, isPause, type ReviewRequest } from "./pausing.ts"
export { type Site, siteOf } from "./site.ts"
