import { type CompiledLimit, compileMandate } from "./mandate.ts"

/** A mandate in force: of the wallet under the empty name, of an agent under its own; version 0 has none. */
interface InForce {
  readonly agent: string
  readonly version: number
  /** JSON of the mandate. */
  readonly body: string
}

/** Every limit in force, of the wallet and of its agents, by identity. */
export function limitsInForce(mandates: ReadonlyMap<string, InForce>): ReadonlyMap<string, CompiledLimit> {
  const wallet = mandates.get("")
  if (wallet === undefined) return new Map()
  const { timeZone, limits } = compileMandate(wallet.body)
  const agents = [...mandates.values()].filter(({ agent, version }) => agent !== "" && version > 0)
  const own = agents.flatMap(({ agent, body }) => compileMandate(body, { name: agent, timeZone }).limits)
  return new Map([...limits, ...own].map((limit) => [limit.id, limit]))
}
