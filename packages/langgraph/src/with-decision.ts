import type { Decision } from "@nornr/core"
import { asBag, isCommand } from "@nornr/langchain/graph"

/** What a node gave, with the decision for the `decisions` channel in it. */
export function withDecision<U>(update: U, name: string, decision: Decision): U {
  const decisions = { [name]: decision }
  if (update === undefined || update === null) return { decisions } as U
  if (isCommand(update)) return commandWith(update, decisions) as U
  if (Array.isArray(update)) return [...update, { decisions }] as U
  if (typeof update !== "object") return update
  return { ...update, decisions: { ...asBag(asBag(update)["decisions"]), ...decisions } }
}

function commandWith<C extends { readonly update?: unknown }>(command: C, decisions: object): C {
  const { update } = command
  const more = Array.isArray(update) ? [...update, ["decisions", decisions]] : { ...asBag(update), decisions }
  const copy = Object.create(Object.getPrototypeOf(command), Object.getOwnPropertyDescriptors(command))
  return Object.assign(copy, { update: more })
}
