import { NornrError } from "@nornr/core"
import { asBag, text } from "./graph/site.ts"

/**
 * A misspelt name would leave a paid tool without terms.
 * @throws {NornrError} `invalid_option`
 */
export function requireToolNames(
  path: string,
  terms: ReadonlyMap<string, unknown>,
  tools: readonly unknown[],
  remedy = "Mend the name.",
): void {
  const names = tools.map((tool) => text(asBag(tool)["name"]))
  for (const name of terms.keys()) {
    if (names.includes(name)) continue
    const problem = `${path}.${name} names no tool: a paid tool would run without terms.`
    const known = `The tools are: ${names.join(", ") || "none"}.`
    throw new NornrError("invalid_option", `${problem} ${known}`, { remedy })
  }
}
