import {
  NornrError,
  requireOptions,
  requireToolNames,
  type Terms,
  termsByName,
  type WalletSource,
} from "@nornr/core"
import { type GetAllMcpToolsOptions, getAllMcpTools, type MCPServer, type Tool } from "@openai/agents"
import { governedTool } from "./governed-tool.ts"
import { isHostedMcp, requireFunctionTool } from "./require-tool.ts"
import type { AnyFunctionTool, Loose, Scoped, WrappedTerms } from "./types.ts"

type Named = { readonly name: string }

/** Terms of a tool in a list. */
type ListedTerms = Omit<Terms<Loose, Loose>, "wallet" | "onError">

export interface GovernedToolsOptions extends Scoped {
  readonly wallet: WalletSource
  /** By the names of tools; of a hosted MCP server, by its label. */
  readonly terms: { readonly [name: string]: ListedTerms }
  /** Tools that run at the provider, or where nothing can be decided before them: taken as they are. */
  readonly allowUngated?: readonly string[] | undefined
}

/**
 * A list of an agent's tools, those that are named in `terms` under the wallet, other function tools as they are.
 * @throws {NornrError} as `governedTool`; `invalid_option` for terms that name no tool of the list, and for tools
 * that cannot be governed and are not named in `allowUngated`
 */
export function governedTools<T extends Tool<Loose>>(
  tools: readonly T[],
  options: GovernedToolsOptions,
): T[] {
  requireOptions(options, ["wallet", "terms", "scope", "allowUngated"])
  if (!Array.isArray(tools)) {
    throw new NornrError("invalid_option", "The tools are no array.", { remedy: "Pass a list of tools." })
  }
  const { wallet, scope, allowUngated = [] } = options
  if (!Array.isArray(allowUngated)) {
    const remedy = 'Name the tools: allowUngated: ["web_search"].'
    throw new NornrError("invalid_option", "allowUngated is no array.", { remedy })
  }
  const terms = termsByName(wallet, options.terms, "terms")
  const named = tools.map((tool) => ({ name: nameOf(tool) }))
  requireToolNames("terms", terms, named)
  requireToolNames("allowUngated", new Set(allowUngated), named)
  return tools.map((tool: T) => {
    const name = nameOf(tool)
    const own = terms.get(name)
    if (own === undefined && allowUngated.includes(name)) return tool
    if (own !== undefined)
      return governedTool(tool as AnyFunctionTool, { ...own, scope } as WrappedTerms<Loose>) as unknown as T
    if ((tool as { readonly type?: unknown } | undefined)?.type !== "function") requireFunctionTool(tool)
    return tool
  })
}

export interface GovernedMcpToolsOptions extends Omit<GovernedToolsOptions, "allowUngated"> {
  /** How the SDK is to list the tools, such as `includeServerInToolNames` where servers share names. */
  readonly list?: Omit<GetAllMcpToolsOptions<Loose>, "mcpServers"> | undefined
}

/**
 * The tools of local MCP servers that are connected, as function tools, so that they can wait for a reviewer: those
 * that are named in `terms` under the wallet. Give them to an agent as `tools`, and the servers no more.
 * @throws {NornrError} as `governedTools`; what listing the tools throws
 */
export async function governedMcpTools(
  servers: MCPServer | readonly MCPServer[],
  options: GovernedMcpToolsOptions,
): Promise<AnyFunctionTool[]> {
  requireOptions(options, ["wallet", "terms", "scope", "list"])
  const { list, ...rest } = options
  const mcpServers = Array.isArray(servers) ? [...servers] : [servers as MCPServer]
  if (
    !mcpServers.every((server) => typeof (server as Partial<MCPServer> | undefined)?.listTools === "function")
  ) {
    const remedy = "Pass a server, or a list of servers, that is connected: await server.connect()."
    throw new NornrError("invalid_option", "What was given is no MCP server.", { remedy })
  }
  return governedTools((await getAllMcpTools({ ...list, mcpServers })) as AnyFunctionTool[], rest)
}

/** Hosted MCP servers all have the same name; they are told apart by their labels. */
function nameOf(tool: unknown): string {
  const { name } = (tool ?? {}) as Named
  return isHostedMcp(tool) ? String(tool.providerData.server_label) : name
}
