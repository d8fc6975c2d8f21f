import { cancelUse, type Decision, governUse, type Outcome, type Terms, type ToolUse } from "@nornr/core"
import { asBag, type Scratchpad, type Site } from "./site.ts"

/**
 * `governUse` where a graph can pause: a queued call interrupts the run until the ledger, and nothing else, says
 * that a reviewer has decided. Where the graph keeps no state, the decision is canceled and the outcome says why.
 */
export async function governPausing<A, R>(
  terms: Terms<A, R>,
  use: ToolUse<A, R>,
  site: Site,
  run: () => R | PromiseLike<R>,
): Promise<Outcome<R>> {
  const pausing = { ...use, pauses: isPause }
  for (;;) {
    const outcome = await governUse(terms, pausing, ({ decision }) => {
      if (decision.approval !== undefined) takeWakeUps(site)
      return run()
    })
    if (outcome.status !== "queued" || use.key === undefined || site.interrupt === undefined) return outcome
    const stranded = await pause(terms, use, site, outcome.decision)
    if (stranded !== undefined) return stranded
  }
}

type Rejected = Extract<Outcome<never>, { readonly status: "rejected" }>

/**
 * Interrupts the run; comes back when it was resumed, which is no more than a reason to ask the ledger again.
 * Gives a refusal where the run cannot be kept.
 */
export async function pause<A, R>(
  terms: Pick<Terms<A, R>, "wallet">,
  use: ToolUse<A, R>,
  { interrupt }: Site,
  decision: Decision,
): Promise<Rejected | undefined> {
  try {
    interrupt?.(reviewRequest(use, decision))
    return undefined
  } catch (error) {
    if (isBubbleUp(error)) throw error
    const canceled = await cancelUse(terms, use, decision)
    if (canceled.status !== "rejected") return undefined
    return { status: "rejected", message: cannotPause(canceled), decision: canceled }
  }
}

function cannotPause({ id }: Decision): string {
  return `Not run, nothing charged: a person would have to approve this, and this run cannot wait for one, because it has no checkpointer. Whoever runs the agent can give it one: createAgent({ checkpointer }) or graph.compile({ checkpointer }), and a thread_id. [${id}]`
}

/** What a pause shows: the decision, and the shape that LangChain's interfaces render. */
export interface ReviewRequest {
  readonly nornr: Decision
  readonly actionRequests: readonly {
    readonly name: string
    readonly args: unknown
    readonly description: string
  }[]
  readonly reviewConfigs: readonly {
    readonly actionName: string
    readonly allowedDecisions: readonly ("approve" | "reject")[]
  }[]
}

function reviewRequest<A, R>({ tool, raw, args }: ToolUse<A, R>, decision: Decision): ReviewRequest {
  const description = `${decision.message} Decided at the review desk, as ${decision.id}: an answer here wakes the run and approves nothing.`
  return {
    nornr: decision,
    actionRequests: [{ name: tool, args: raw ?? args, description }],
    reviewConfigs: [{ actionName: tool, allowedDecisions: ["approve", "reject"] }],
  }
}

/** A pause in LangGraph's own way; what goes to a parent graph is none. */
export function isPause(error: unknown): boolean {
  return isBubbleUp(error) && asBag(error)["name"] !== "ParentCommand"
}

export function isBubbleUp(error: unknown): boolean {
  return asBag(error)["is_bubble_up"] === true
}

/**
 * Answers are dealt out in the order of a task's interrupts. Those that woke the review come before any that the
 * tool itself asks for, and must not be taken for them: one at least, and all that name a decision.
 */
function takeWakeUps({ interrupt, scratchpad }: Site): void {
  for (let first = true; ; first = false) {
    const next = nextAnswer(scratchpad)
    if (next === undefined || (!first && asBag(next.answer)["nornr"] === undefined)) return
    interrupt?.("The review is over.")
  }
}

function nextAnswer(scratchpad: Scratchpad | undefined): { readonly answer: unknown } | undefined {
  const { resume = [], interruptCounter = -1, nullResume } = scratchpad ?? {}
  const next = interruptCounter + 1
  if (next < resume.length) return { answer: resume[next] }
  return nullResume === undefined || next !== resume.length ? undefined : { answer: nullResume }
}
