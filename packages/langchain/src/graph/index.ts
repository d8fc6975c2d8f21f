/** What adapters of LangGraph's runtime share, for `@nornr/langgraph`; no part of what users are promised. */
export { codecIn } from "../recorded.ts"
export { notApproved } from "../tool-messages.ts"
export { commandWith, type GraphCommand, isCommand } from "./graph-command.ts"
export { governPausing, pause } from "./pausing.ts"
export { asBag, messagesOf, parentOf, runOf, type Site, siteOf, toolCallsOf } from "./site.ts"
