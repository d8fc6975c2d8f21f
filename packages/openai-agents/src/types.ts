import type { Terms } from "@nornr/core"
import type {
  FunctionTool,
  RunContext,
  ToolExecuteArgument,
  ToolInputParameters,
  ToolOptions,
  ToolOutputSchema,
} from "@openai/agents"

// biome-ignore lint/suspicious/noExplicitAny: the SDK's own type for whatever context, arguments and result
export type AnyFunctionTool = FunctionTool<any, any, any>

/** What the SDK tells a tool of the call that it runs for. */
export type CallDetails = Parameters<AnyFunctionTool["invoke"]>[2]

// biome-ignore lint/suspicious/noExplicitAny: JSON Schema says nothing about types
export type Loose = any

/** What a tool is called with once its schema has parsed it; anything where the schema is JSON Schema. */
export type ArgsOf<T> = T extends {
  readonly needsApproval: (context: Loose, input: infer A, ...more: Loose[]) => unknown
}
  ? unknown extends A
    ? Loose
    : A
  : never

export interface Scoped {
  /**
   * The conversation that a call belongs to, from the context of the run: with agent and call id it names the call
   * for good, and it is the `thread` of its decisions: 1 to 256 characters. Needed where a provider's call ids may repeat.
   */
  readonly scope?: ((context: Loose) => string) | undefined
}

/** Terms of a tool in the SDK. `A` is its arguments, `R` what it gives. */
export interface GovernedTerms<A, R = unknown> extends Terms<A, R>, Scoped {}

/** Terms of a tool that is there: the SDK says nothing of its result's type. */
export interface WrappedTerms<A> extends Omit<GovernedTerms<A, Loose>, "onError"> {
  /** The SDK hides a tool's failures: make the tool under its terms, `governedTool({ …, execute, onError })`. */
  readonly onError?: never
}

type ArgsIn<P extends ToolInputParameters> =
  unknown extends ToolExecuteArgument<P> ? Loose : ToolExecuteArgument<P>

/** What `tool()` takes, with terms beside it. */
export type GovernedToolOptions<
  P extends ToolInputParameters,
  C,
  S extends ToolOutputSchema | undefined,
  R,
> = ToolOptions<P, C, S> & {
  readonly execute: (
    input: ToolExecuteArgument<P>,
    context?: RunContext<C>,
    details?: CallDetails,
  ) => R | Promise<R>
} & GovernedTerms<NoInfer<ArgsIn<P>>, NoInfer<R>>
