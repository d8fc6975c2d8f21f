import {
  cancelUse,
  type Decision,
  governUse,
  type Outcome,
  strandedMessage,
  type Terms,
  type ToolUse,
} from "@nornr/core"
import { asBag, type Site } from "./site.ts"

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
    const outcome = await governUse(terms, pausing, ({ decision, attempt }) => {
      takeWakeUps(site, decision, attempt === 1 ? "has ended" : undefined)
      return run()
    })
    if (outcome.status !== "queued" || use.key === undefined || site.interrupt === undefined) {
      takeWakeUps(site, outcome.decision, outcome.status === "rejected" ? "has ended" : undefined)
      return outcome
    }
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
  site: Site,
  decision: Decision,
): Promise<Rejected | undefined> {
  if (site.thread === undefined) return strand(terms, use, decision)
  try {
    takeWakeUps(site, decision, "waits")
    site.interrupt?.(reviewRequest(use, decision))
    return undefined
  } catch (error) {
    if (isBubbleUp(error)) throw error
    return strand(terms, use, decision)
  }
}

/** Nobody could resume it: its hold is freed. */
async function strand<A, R>(
  terms: Pick<Terms<A, R>, "wallet">,
  use: ToolUse<A, R>,
  decision: Decision,
): Promise<Rejected | undefined> {
  const canceled = await cancelUse(terms, use, decision)
  if (canceled.status !== "rejected") return undefined
  return { status: "rejected", message: strandedMessage(canceled, whyNot), decision: canceled }
}

const whyNot =
  "this run cannot wait for one, because it has no checkpointer or no thread_id. Whoever runs the agent can give it one: createAgent({ checkpointer }) or graph.compile({ checkpointer }), and a thread_id."

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
 * LangGraph deals answers out in the order of a task's interrupts, whoever asks. Those that woke a review, of this
 * call or of another in the same task, are taken out of that order where they came: marked, so that each later run of
 * the task finds them again, and no question of the tool or node gets one for an answer. `mine` where whatever came
 * can be for the review alone: it still waits, or has just ended.
 */
function takeWakeUps(
  { interrupt, scratchpad }: Site,
  { id, approval }: Decision,
  mine: "waits" | "has ended" | undefined,
): void {
  if (scratchpad?.resume === undefined) return
  const isOver = scratchpad.resume.some((answer) => wokenBy(answer) === id && asBag(answer)["over"] === true)
  const takesAll = approval !== undefined && (mine === "waits" || (mine === "has ended" && !isOver))
  for (;;) {
    const next = (scratchpad.interruptCounter ?? -1) + 1
    const isDealt = next < scratchpad.resume.length
    if (!isDealt && (scratchpad.nullResume === undefined || next !== scratchpad.resume.length)) return
    const answer = isDealt ? scratchpad.resume[next] : scratchpad.nullResume
    const decision = wokenBy(answer) ?? (takesAll ? id : undefined)
    if (decision === undefined) return
    if (!isDealt) scratchpad.consumeNullResume?.()
    const over = asBag(answer)["over"] === true || (decision === id && mine === "has ended")
    scratchpad.resume[next] = { nornr: decision, over }
    interrupt?.("The review is over.")
  }
}

/** The decision that an answer woke a review of. */
function wokenBy(answer: unknown): string | undefined {
  const { nornr } = asBag(answer)
  return typeof nornr === "string" ? nornr : undefined
}
