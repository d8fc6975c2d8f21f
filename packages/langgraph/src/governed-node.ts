import type { LangGraphRunnableConfig } from "@langchain/langgraph"
import { type Decision, NornrError } from "@nornr/core"
import { asBag, governPausing, notApproved, siteOf } from "@nornr/langchain/graph"
import { checkStepTerms, configOf, type StepTerms, stepOf } from "./node-use.ts"
import { withDecision } from "./with-decision.ts"

export interface NodeTerms<S, U> extends StepTerms<S, U> {
  /** What the node is called in decisions; its name in the graph by default. */
  readonly name?: string | undefined
  /** What the node gives where it may not run; it throws by default. */
  readonly rejected?: ((decision: Decision, state: S) => NoInfer<U> | PromiseLike<NoInfer<U>>) | undefined
}

/**
 * A node as a paid step: asks, pauses by itself while a person reviews, and runs once a key, through retries,
 * resumes and time travel. Its decision is written into `decisions` where the state has them. What it throws is
 * thrown, again on each repeat, unless it is `idempotent`.
 * @throws {NornrError} `invalid_option`, `invalid_amount` for bad terms; the node throws `not_approved` with the
 * decision, and what `wallet.govern` throws: then it did not run
 */
export function governedNode<S, U>(
  fn: (state: S, config: LangGraphRunnableConfig) => U | PromiseLike<U>,
  terms: NodeTerms<NoInfer<S>, NoInfer<U>>,
): (state: S, config?: LangGraphRunnableConfig) => Promise<U> {
  checkStepTerms(terms, ["name", "rejected"])
  const { name, rejected, ...own } = terms
  return async (state, given) => {
    const config = configOf(given)
    const site = siteOf(config)
    const called = name ?? site.node ?? requireNode()
    const step = await stepOf<S, U>(called, own, state, site)
    const outcome = await governPausing<S, U>(step.terms, step.use, site, async () => fn(state, config))
    if (outcome.status === "failed") throw outcome.error
    if (outcome.status === "done") return recorded(state, outcome.result, called, outcome.decision)
    if (outcome.status !== "rejected" || rejected === undefined) throw notApproved(called, outcome)
    return recorded(state, await rejected(outcome.decision, state), called, outcome.decision)
  }
}

/** A state that has no decisions is left as it is. */
function recorded<U>(state: unknown, update: U, name: string, decision: Decision): U {
  return "decisions" in asBag(state) ? withDecision(update, name, decision) : update
}

function requireNode(): never {
  const remedy = "Run it as a node of a graph, or give it a name."
  throw new NornrError("invalid_intent", "The governed node runs outside a graph, without a name.", {
    remedy,
  })
}
