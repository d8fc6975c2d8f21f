import type { Decision } from "@nornr/core"
import { asBag, commandWith, isCommand } from "@nornr/langchain/graph"

/** What a node gave, with the decision for the `decisions` channel in it. */
export function withDecision<U>(update: U, name: string, decision: Decision): U {
  const decisions = { [name]: decision }
  if (update === undefined || update === null) return { decisions } as U
  if (isCommand(update)) {
    const { update: own } = update
    const more = Array.isArray(own) ? [...own, ["decisions", decisions]] : { ...asBag(own), decisions }
    return commandWith(update, more) as U
  }
  if (Array.isArray(update)) return [...update, { decisions }] as U
  if (typeof update !== "object") return update
  return { ...update, decisions: { ...asBag(asBag(update)["decisions"]), ...decisions } }
}
