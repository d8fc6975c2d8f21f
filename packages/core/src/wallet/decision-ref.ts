import { NornrError } from "../error/nornr-error.ts"
import { atEdge } from "../input/at-edge.ts"
import { show } from "../input/show.ts"
import type { Decision } from "../spend/decision.ts"

/** A decision, or its id. */
export type DecisionRef = string | Pick<Decision, "id">

/** @throws {NornrError} `invalid_option` */
export function idOf(decision: unknown): string {
  const id = atEdge("The decision", "invalid_option", (): unknown =>
    typeof decision === "object" && decision !== null && "id" in decision ? decision.id : decision,
  )
  if (typeof id === "string" && id.length > 0 && id.length <= 512 && id.isWellFormed()) return id
  const problem = `The decision is ${show(decision)}.`
  throw new NornrError("invalid_option", problem, { remedy: "Pass a decision or its id." })
}
