/**
 * LangGraph's `Command` as LangGraph knows one, by its name, and not by its class: made without importing it, so
 * that it is a command of whichever copy runs the graph.
 */
export class GraphCommand<Resume = unknown> {
  readonly lg_name = "Command"
  readonly lc_direct_tool_output = true
  declare readonly graph?: string
  declare readonly update?: unknown
  declare readonly goto?: unknown
  declare readonly resume?: Resume

  constructor(fields: {
    readonly graph?: string
    readonly update?: unknown
    readonly goto?: unknown
    readonly resume?: Resume
  }) {
    Object.assign(this, fields)
  }

  /** LangGraph calls it where a node returns the command. */
  _updateAsTuples(): readonly (readonly [string, unknown])[] {
    const { update } = this
    if (isTuples(update)) return update
    if (typeof update === "object" && update !== null) return Object.entries(update)
    return [["__root__", update]]
  }

  toJSON(): object {
    const { lg_name, graph, update, goto, resume } = this
    return { lg_name, graph, update, goto, resume }
  }
}

function isTuples(update: unknown): update is readonly (readonly [string, unknown])[] {
  const isTuple = (each: unknown) => Array.isArray(each) && each.length === 2 && typeof each[0] === "string"
  return Array.isArray(update) && update.every(isTuple)
}

/** Any copy's `Command`. */
export function isCommand(value: unknown): value is GraphCommand {
  return typeof value === "object" && value !== null && "lg_name" in value && value.lg_name === "Command"
}

/** The same command of the same copy, with another update. */
export function commandWith<C extends GraphCommand>(command: C, update: unknown): C {
  const copy = Object.create(Object.getPrototypeOf(command), Object.getOwnPropertyDescriptors(command))
  return Object.assign(copy, { update })
}
