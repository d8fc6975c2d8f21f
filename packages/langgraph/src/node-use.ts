import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons"
import type { LangGraphRunnableConfig } from "@langchain/langgraph"
import {
  type Amount,
  type Codec,
  callKey,
  checkTerms,
  evaluate,
  type May,
  NornrError,
  type Terms,
  type ToolUse,
} from "@nornr/core"
import { asBag, codecIn, parentOf, runOf, type Site } from "@nornr/langchain/graph"

/** On what terms a step of a graph may run: a step has no call id, so the terms name it. */
export interface StepTerms<S, R = unknown> extends Terms<S, R> {
  /**
   * Names the step in its thread: it runs once a key, through retries, resumes and time travel. Take what is new
   * when it should be bought again, such as an order number or a round of a loop.
   */
  readonly key: (state: S) => string
  /** What an approval is for, as JSON; the amount, counterparty and purpose by default. */
  readonly args?: ((state: S) => unknown) | undefined
}

/** @throws {NornrError} `invalid_option`, `invalid_amount` */
export function checkStepTerms(terms: object, more: readonly string[] = []): void {
  checkTerms(terms, ["key", "args", ...more])
  const { key, args } = asBag(terms)
  const needed = { key, ...(args !== undefined && { args }) }
  for (const [name, value] of Object.entries(needed)) {
    if (typeof value === "function") continue
    const remedy = `Pass a function of the state: ${name}: (state) => state.orderId.`
    throw new NornrError("invalid_option", `${name} is ${value === undefined ? "missing" : "no function"}.`, {
      remedy,
    })
  }
}

/** A step in the run of a graph. */
export interface Step<S, R> {
  readonly site: Site
  readonly use: ToolUse<S, R>
  /** The terms with their values: what the binding covers is what is decided. */
  readonly terms: Terms<S, R>
}

/**
 * The step that a node is, for core. A gate's nodes are one step: they share its name and the graph that they are
 * in.
 * @throws {NornrError} `invalid_intent` where nothing tells runs apart, or the key is no text
 */
export async function stepOf<S, R>(
  name: string,
  given: StepTerms<S, R>,
  state: S,
  site: Site,
): Promise<Step<S, R>> {
  const { key, args, ...rest } = given
  const [amount, to, purpose] = await Promise.all([
    at("amount", given.amount, state),
    at("to", given.to, state),
    at("purpose", given.purpose ?? name, state),
  ])
  const use: ToolUse<S, R> = {
    tool: name,
    args: state,
    raw:
      args === undefined
        ? { amount: amountText(amount), to, purpose }
        : await evaluate("args", () => args(state)),
    key: keyOf(name, await evaluate("key", () => key(state)), site),
    run: runOf(site),
    context: site.context,
    signal: site.signal,
    codec: (await codecIn(site)) as Codec<R>,
  }
  return { site, use, terms: { ...rest, amount, to, purpose } }
}

/** The config that a node is called with, or that of the task that it is called in. */
export function configOf(config: LangGraphRunnableConfig | undefined): LangGraphRunnableConfig {
  return config ?? AsyncLocalStorageProviderSingleton.getRunnableConfig() ?? {}
}

function keyOf(name: string, key: unknown, { scope, namespace }: Site): string {
  if (typeof key !== "string" || key === "") {
    const problem = `key of ${name} gave ${JSON.stringify(key) ?? String(key)}.`
    throw new NornrError("invalid_intent", problem, {
      remedy: "Give text that names the step in its thread.",
    })
  }
  if (scope === undefined) {
    const problem = `${name} runs outside a graph: nothing tells its runs apart.`
    throw new NornrError("invalid_intent", problem, {
      remedy: "Run it as a node of a graph, or use governed().",
    })
  }
  return callKey(scope, parentOf(namespace), name, key)
}

function at<S, T>(name: string, term: May<S, T>, state: S): Promise<T> {
  return evaluate(name, typeof term === "function" ? () => (term as (state: S) => T)(state) : term)
}

function amountText(amount: Amount): string {
  return typeof amount === "object" ? `${amount.amount} ${amount.currency}` : String(amount)
}
