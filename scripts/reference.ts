import { errorCodes, eventTypes, reasonCodes, ruleVariables } from "../packages/core/src/index.ts"

const tables: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  errors: errorCodes,
  reasons: reasonCodes,
  events: eventTypes,
  rules: ruleVariables,
}

/** The reference page with its tables as the code says them, between `<!-- name -->` and `<!-- /name -->`. */
export function withTables(page: string): string {
  return Object.entries(tables).reduce((text, [name, entries]) => {
    const rows = Object.entries(entries).map(
      ([key, meaning]) => `| \`${key}\` | ${meaning.replaceAll("|", "\\|")} |`,
    )
    const table = ["| name | meaning |", "|---|---|", ...rows].join("\n")
    const place = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`)
    if (!place.test(text)) throw new Error(`docs/reference.md has no place for ${name}`)
    return text.replace(place, (_, open: string, close: string) => `${open}\n${table}\n\n${close}`)
  }, page)
}
