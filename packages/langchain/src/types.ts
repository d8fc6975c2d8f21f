import type { ToolSchemaBase } from "@langchain/core/tools"
import type { InferInteropZodOutput, InteropZodType } from "@langchain/core/utils/types"
import type { Terms } from "@nornr/core"

/** Any tool that has a schema: those with a string schema are not assignable to `StructuredToolInterface`. */
export interface AnyTool {
  readonly name: string
  readonly schema: unknown
}

/** What a tool is called with once its schema has parsed it; anything where the schema is JSON Schema. */
export type ArgsOf<T> = T extends { readonly schema: infer S }
  ? [ToolSchemaBase] extends [S]
    ? Loose
    : [S] extends [InteropZodType]
      ? InferInteropZodOutput<S>
      : Loose
  : never

// biome-ignore lint/suspicious/noExplicitAny: JSON Schema says nothing about types
export type Loose = any

/** What a tool's function gives. */
export type ResultOf<T> = T extends { readonly func: (...args: never[]) => infer R }
  ? Returned<Awaited<R>>
  : unknown

/** A tool that streams gives what its generator returns. */
type Returned<R> = R extends AsyncGenerator<unknown, infer V, unknown> ? V : R

type WithoutWallet<T> = Omit<Terms<ArgsOf<T>, ResultOf<T>>, "wallet">

/** Terms by the names of tools, typed by each; a list that is known at run time alone takes any name. */
export type TermsByName<T extends readonly AnyTool[]> = string extends T[number]["name"]
  ? { readonly [name: string]: Omit<Terms<Loose, Loose>, "wallet"> }
  : {
      readonly [K in T[number]["name"]]?: WithoutWallet<Extract<T[number], { readonly name: K }>>
    }
