import type { LangGraphRunnableConfig } from "@langchain/langgraph"
import { askUse, cancelUse, type Decision, NornrError } from "@nornr/core"
import { asBag, notApproved, pause, type Site, siteOf } from "@nornr/langchain/graph"
import type { Decisions } from "./decisions.ts"
import { governedNode } from "./governed-node.ts"
import { checkStepTerms, configOf, type StepTerms, stepOf } from "./node-use.ts"

/** What a state needs for a gate: `decisions: decisionsChannel`. */
export interface DecisionsSlot {
  readonly decisions: Decisions
}

type Targets = Readonly<Record<Decision["status"], string>>

type Update = { readonly decisions: Decisions }

/** The edge in front of a paid step, in four parts of a graph. */
export interface DecisionGate<S> {
  /** A node: asks for the step ahead of it, and writes the decision into `decisions`. */
  ask(state: S, config?: LangGraphRunnableConfig): Promise<Update>
  /**
   * A node: pauses until a reviewer has decided, and writes what was decided. In a graph without a checkpointer it
   * cancels the decision and throws.
   */
  review(state: S, config?: LangGraphRunnableConfig): Promise<Update>
  /** The paid node: runs once under the gate's decision; without one that lets it run, it throws and does not. */
  run<U>(
    fn: (state: S, config: LangGraphRunnableConfig) => U | PromiseLike<U>,
  ): (state: S, config?: LangGraphRunnableConfig) => Promise<U>
  /** Spread into `addConditionalEdges(node, ...)`: where each of the three decisions goes. */
  route<const M extends Targets>(to: M): [(state: DecisionsSlot) => M[keyof M], M[keyof M][]]
}

/**
 * A gate in front of a paid step: ask, route by the decision, review, run.
 * @throws {NornrError} `invalid_option`, `invalid_amount` for bad terms; its nodes throw what `wallet.ask` and
 * `wallet.govern` throw
 */
export function decisionGate<S extends DecisionsSlot>(name: string, terms: StepTerms<S>): DecisionGate<S> {
  requireName(name)
  checkStepTerms(terms)
  const asked = new Asked()
  return {
    async ask(state, config) {
      const step = await stepOf(name, terms, state, siteOf(configOf(config)))
      const decision = await askUse(step.terms, step.use)
      const before = asBag(state.decisions)[name] as Decision | undefined
      const isLeft = before?.status === "queued" && before.id !== decision.id && !asked.has(step.site, before)
      if (isLeft) await leave(step, before)
      asked.add(step.site, decision)
      return { decisions: { [name]: decision } }
    },
    async review(state, config) {
      const { terms: own, use, site } = await stepOf(name, terms, state, siteOf(configOf(config)))
      for (;;) {
        const decision = await askUse(own, use)
        if (decision.status !== "queued") return { decisions: { [name]: decision } }
        const stranded = await pause(own, use, site, decision)
        if (stranded !== undefined) throw notApproved(name, stranded)
      }
    },
    run: <U>(fn: (state: S, config: LangGraphRunnableConfig) => U | PromiseLike<U>) =>
      governedNode<S, U>(fn, { ...(terms as StepTerms<S, U>), name }),
    route<const M extends Targets>(to: M) {
      const targets = checkTargets(name, to)
      const router = ({ decisions }: DecisionsSlot) =>
        to[requireDecision(name, decisions).status] as M[keyof M]
      return [router, targets] as [typeof router, typeof targets]
    },
  }
}

/** What one run of a graph has asked: a loop may collect what waits; a new turn leaves behind what the last has. */
class Asked {
  readonly #runs = new WeakMap<object, Set<string>>()

  has({ control }: Site, { id }: Decision): boolean {
    return control !== undefined && this.#runs.get(control)?.has(id) === true
  }

  add({ control }: Site, { id }: Decision): void {
    if (control !== undefined) this.#runs.set(control, (this.#runs.get(control) ?? new Set()).add(id))
  }
}

/** What a new turn has left behind: nobody will resume it. */
async function leave(
  { terms, use }: Awaited<ReturnType<typeof stepOf<never, unknown>>>,
  before: Decision,
): Promise<void> {
  try {
    await cancelUse(terms, use, before)
  } catch (error) {
    if (!NornrError.isInstance(error)) throw error // it was decided meanwhile, is another wallet's, or expires
  }
}

function requireName(name: unknown): asserts name is string {
  if (typeof name === "string" && name !== "") return
  const remedy = 'Name the step that it guards: decisionGate("order", { … }).'
  throw new NornrError("invalid_option", "The gate has no name.", { remedy })
}

function requireDecision(name: string, decisions: Decisions | undefined): Decision {
  const decision = asBag(decisions)[name] as Decision | undefined
  if (decision !== undefined) return decision
  const problem = `The state holds no decision of ${name}.`
  const remedy = "Put the gate's ask node before the edge, and decisions: decisionsChannel into the state."
  throw new NornrError("state_conflict", problem, { remedy })
}

function checkTargets<M extends Targets>(name: string, to: M): M[keyof M][] {
  for (const status of ["approved", "queued", "rejected"] as const) {
    if (typeof to[status] === "string" && to[status] !== "") continue
    const problem = `route of ${name} has no node for ${status}.`
    throw new NornrError("invalid_option", problem, {
      remedy: "Name a node for each: { approved, queued, rejected }.",
    })
  }
  return [...new Set(Object.values(to))] as M[keyof M][]
}
