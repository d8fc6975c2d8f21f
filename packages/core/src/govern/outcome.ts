import { NornrError } from "../error/nornr-error.ts"
import { formatMicros, parseMicros } from "../money/money.ts"
import type { Decision } from "../spend/decision.ts"

/** What a governed call came to; a denial is a value. `message` is what a model may read. */
export type Outcome<T> =
  | Done<T>
  | { readonly status: "queued"; readonly message: string; readonly decision: Of<"queued"> }
  | { readonly status: "rejected"; readonly message: string; readonly decision: Of<"rejected"> }
  | Failed
  | { readonly status: "unknown"; readonly message: string; readonly decision: Of<"approved"> }

type Of<S extends Decision["status"]> = Extract<Decision, { readonly status: S }>

/** The tool ran now, or had run before: then the decision is marked `replayed`. */
interface Done<T> {
  readonly status: "done"
  readonly result: T
  readonly decision: Of<"approved">
  /** It ran, but its end could not be recorded yet: it is tried again until the lease of the claim ends. */
  readonly settlement?: "pending"
}

/** The tool threw `error`, now or when it ran; or it ran before and its result was not kept. */
interface Failed {
  readonly status: "failed"
  readonly error: unknown
  readonly message: string
  readonly decision: Of<"approved">
  readonly settlement?: "pending"
}

export type Ran = Of<"approved">

/** What did not run, as far as anybody knows. */
export type NotRun = Exclude<Outcome<unknown>, { readonly status: "done" | "failed" }>

/** What a model reads of a decision that does not let its call run. */
export function refusalOf(decision: Decision): string {
  if (decision.status === "queued") {
    return `Not run: a person must approve this. Do not call it again; go on without it or tell the user. [${decision.id}]`
  }
  const why = decision.message.replace(/^Rejected\. /, "")
  const comment = decision.approval?.state === "rejected" ? decision.approval.comment : undefined
  const said = comment === undefined ? "" : ` They say: ${comment}`
  const fits = wouldPass(decision)
  const next = fits === undefined ? "" : ` ${fits} or less would be approved.`
  return `Not run, nothing charged. ${why}${said}${next} [${decision.id}]`
}

/** What a model reads of a call that needs a person where its run cannot wait for one: why, and what could be done. */
export function strandedMessage({ id }: Decision, why: string): string {
  return `Not run, nothing charged: a person would have to approve this, and ${why} [${id}]`
}

/** What a model reads of a call whose outcome nobody knows. */
export function unknownMessage({ id }: Decision): string {
  return `Its outcome is unknown: it may have run, and is not run again until a person has looked. Do not call it again. [${id}]`
}

/** What a model reads where a call could not be decided at all: nothing ran. */
export function errorMessage(error: unknown): string {
  if (NornrError.isInstance(error) && (error.code.startsWith("ledger_") || error.code === "clock_behind")) {
    return "Not run, nothing charged: spending cannot be checked now. Do not retry this turn."
  }
  if (NornrError.isInstance(error) && error.code === "key_conflict") {
    return "Not run, nothing charged: this call was decided before with other arguments, and a decision holds for exactly those. Make it anew, as a call of its own."
  }
  return `Not run, nothing charged: ${textOf(error)}`
}

/** What an adapter keeps beside `errorMessage` for whoever looks later; the decision, where there was one. */
export function errorSlot({ code, message, remedy, decision }: NornrError): {
  readonly nornr?: Decision
  readonly nornrError: { readonly code: string; readonly message: string; readonly remedy: string }
} {
  const nornrError = { code, message, remedy }
  return decision === undefined ? { nornrError } : { nornr: decision, nornrError }
}

/**
 * The error for code that called a tool itself, where a refusal cannot be a value; it carries the decision.
 * `whenQueued` says how the call is run once it is approved.
 */
export function refusalError(
  tool: string,
  { message, decision }: Pick<NotRun, "message" | "decision">,
  whenQueued: string,
): NornrError {
  const { id, status } = decision
  const problem =
    status === "queued" ? `Not run: it waits for a reviewer, and its amount is held. [${id}]` : message
  const remedies: Readonly<Record<Decision["status"], string>> = {
    queued: whenQueued,
    rejected: "See error.decision for its reasons.",
    approved: `A reviewer settles or releases it once it is known what became of it: desk.settle("${id}") or desk.release("${id}").`,
  }
  return new NornrError("not_approved", `${tool}: ${problem}`, { remedy: remedies[status], decision })
}

/** What a tool threw as text, whatever it was. */
export function textOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : String(error)
  } catch {
    return "The tool threw something that has no text."
  }
}

/** The most that every reason leaves; undefined where an amount is not what stands against it. */
function wouldPass({ reasons, currency }: Decision): string | undefined {
  const left = reasons.map(({ remaining }) => remaining)
  if (left.length === 0 || !left.every(isAmount)) return undefined
  const amounts = left.map((text) => parseMicros(text, "remaining"))
  const least = amounts.reduce((low, each) => (each < low ? each : low))
  return least > 0n ? `${formatMicros(least)} ${currency}` : undefined
}

function isAmount(text: string | undefined): text is string {
  return text?.includes(".") === true
}
