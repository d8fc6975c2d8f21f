import { type CompiledLimit, compileMandate } from "./mandate.ts"
import type { MandateBody } from "./terms.ts"

/** A mandate in force: of the wallet under the empty name, of an agent under its own; version 0 has none. */
interface InForce {
  readonly agent: string
  readonly version: number
  readonly hash: string
  /** JSON of the mandate. */
  readonly body: string
}

/** Every limit in force, of the wallet and of its agents, by identity. */
export function limitsInForce(mandates: ReadonlyMap<string, InForce>): ReadonlyMap<string, CompiledLimit> {
  const wallet = mandates.get("")
  if (wallet === undefined) return new Map()
  const { timeZone, limits } = compileMandate(wallet.hash, () => JSON.parse(wallet.body) as MandateBody)
  const agents = [...mandates.values()].filter(({ agent, version }) => agent !== "" && version > 0)
  const own = agents.flatMap(
    ({ agent, hash, body }) =>
      compileMandate(hash, () => JSON.parse(body) as MandateBody, { name: agent, timeZone }).limits,
  )
  return new Map([...limits, ...own].map((limit) => [limit.id, limit]))
}
