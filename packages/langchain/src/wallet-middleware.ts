import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons"
import {
  isGoverned,
  type ModelTerms,
  NornrError,
  parseModelTerms,
  requireOptions,
  requireToolNames,
  type Terms,
  termsByName,
  type WalletSource,
} from "@nornr/core"
import type { AgentMiddleware } from "langchain"
import { asBag, type Site, siteOf } from "./graph/site.ts"
import { callTool, keepingErrors } from "./middleware-tool-call.ts"
import { governModelCall } from "./model-call.ts"
import { cancelLeftModelCalls, cancelOrphans } from "./orphans.ts"
import type { Loose } from "./types.ts"

export interface WalletMiddlewareOptions {
  readonly wallet: WalletSource
  /** Terms of tools, by their names in the agent. */
  readonly tools?: { readonly [name: string]: Omit<Terms<Loose, Loose>, "wallet"> } | undefined
  /** Terms of the agent's model calls: each is held at the most it can cost and settled from its usage. */
  readonly model?: ModelTerms | undefined
}

/**
 * An agent's tools and model calls under a wallet, for `createAgent`. Put it first: what retries or falls back
 * outside it takes a pause for a failure, and what hides tools hides their names. Errors of tools stay the messages
 * that they are in an agent without middleware around its tools.
 * @throws {NornrError} `invalid_option`, `invalid_amount` for bad terms
 */
export function walletMiddleware(options: WalletMiddlewareOptions): AgentMiddleware {
  requireOptions(options, ["wallet", "tools", "model"])
  const { wallet, tools, model } = options
  const terms = termsByName(wallet, tools ?? {}, "tools")
  const price = model === undefined ? undefined : parseModelTerms(model, "model")
  if (tools === undefined && price === undefined) {
    const remedy = "Give tools: { name: terms }, model: terms, or both."
    throw new NornrError("invalid_option", "The middleware has nothing to govern.", { remedy })
  }
  const names = tools === undefined ? undefined : new Set(terms.keys())
  const middleware: AgentMiddleware = {
    name: `NornrWallet(${[...terms.keys(), ...(price === undefined ? [] : [price.to])].join(",")})`,
    async wrapModelCall(request, handler) {
      const site = siteIn(request.runtime, request.state)
      requireNames(terms, request.tools)
      await cancelOrphans(wallet, names, request.state, site)
      if (price === undefined) return handler(request)
      await cancelLeftModelCalls(wallet, request.state, site)
      return governModelCall({ wallet, price }, request, handler, site)
    },
  }
  if (tools === undefined) return middleware
  middleware.wrapToolCall = (request, handler) => {
    const own = terms.get(request.toolCall.name)
    return own === undefined
      ? keepingErrors(request, handler)
      : callTool(own, request, handler, siteIn(request.runtime, request.state))
  }
  return middleware
}

/** What a middleware is told is less than what its node knows. */
function siteIn(runtime: object, state: unknown): Site {
  return siteOf({ ...AsyncLocalStorageProviderSingleton.getRunnableConfig(), ...runtime, state })
}

/** A misspelt name would leave a paid tool without terms. */
function requireNames(terms: ReadonlyMap<string, unknown>, tools: readonly unknown[]): void {
  const remedy = "Mend the name; where another middleware hides tools, put this one first."
  requireToolNames("tools", terms, tools, remedy)
  for (const tool of tools) {
    const name = String(asBag(tool)["name"])
    if (!terms.has(name) || !isGoverned(tool)) continue
    const problem = `tools.${name} gives terms to a tool that governedTool has put under terms already.`
    throw new NornrError("invalid_option", problem, { remedy: "Give them in one place." })
  }
}
