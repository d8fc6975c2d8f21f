import { NornrError } from "../error/nornr-error.ts"

/**
 * A misspelt name would leave a paid tool without terms, or let another pass: each name must be that of a tool.
 * @throws {NornrError} `invalid_option`
 */
export function requireToolNames(
  path: string,
  given: { keys(): Iterable<string> },
  tools: readonly unknown[],
  remedy = "Mend the name.",
): void {
  const names = tools.map((tool) => (tool as { readonly name?: unknown } | null | undefined)?.name)
  for (const name of given.keys()) {
    if (names.includes(name)) continue
    const problem = `${path}.${name} names no tool.`
    const known = `The tools are: ${names.join(", ") || "none"}.`
    throw new NornrError("invalid_option", `${problem} ${known}`, { remedy })
  }
}
