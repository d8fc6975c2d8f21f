import { Annotation, type BinaryOperatorAggregate, ReducedValue } from "@langchain/langgraph"
import { withLangGraph } from "@langchain/langgraph/zod"
import type { Decision } from "@nornr/core"
import { z } from "zod/v4"

/** The decisions of a graph's gates and governed nodes, by their names. */
export type Decisions = Readonly<Record<string, Decision>>

/** Later decisions take the place of earlier ones of the same name; for a channel of one's own. */
export function mergeDecisions(known: Decisions, more: Decisions): Decisions {
  return { ...known, ...more }
}

/** The `decisions` channel of a state made with `Annotation.Root`. */
export const decisionsChannel: BinaryOperatorAggregate<Decisions, Decisions> = Annotation<
  Decisions,
  Decisions
>({
  reducer: mergeDecisions,
  default: () => ({}),
}) as BinaryOperatorAggregate<Decisions, Decisions>

const decision = z.looseObject({ id: z.string(), status: z.enum(["approved", "queued", "rejected"]) })
const decisions = z.record(z.string(), decision) as unknown as z.ZodType<Decisions, Decisions>

/** The `decisions` field of a `StateSchema`. */
export const decisionsValue: ReducedValue<Decisions, Decisions> = new ReducedValue<Decisions, Decisions>(
  decisions.default({}) as never,
  { inputSchema: decisions as never, reducer: mergeDecisions },
)

/** The `decisions` field of a state that is a zod 4 object. */
export const decisionsField: z.ZodType<Decisions, Decisions> & {
  lg_reducer_schema: z.ZodType<Decisions, Decisions>
} = withLangGraph(decisions as never, {
  reducer: { schema: decisions as never, fn: mergeDecisions },
  default: () => ({}),
}) as never
