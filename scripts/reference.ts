import { nornr } from "../packages/cli/src/program.ts"
import { errorCodes, eventTypes, faultKinds, reasonCodes, ruleVariables } from "../packages/core/src/index.ts"

type Table = Readonly<Record<string, string>>

/** Every command of the `nornr` command, with what it does. */
const commands: Table = Object.fromEntries(
  nornr(() => undefined).commands.flatMap((command) => [
    [command.name(), command.description()],
    ...command.commands.map((each) => [`${command.name()} ${each.name()}`, each.description()]),
  ]),
)

/** The tables of each page, as the code says them. */
const tables: Readonly<Record<string, Readonly<Record<string, Table>>>> = {
  "docs/reference.md": {
    errors: errorCodes,
    reasons: reasonCodes,
    events: eventTypes,
    rules: ruleVariables,
    faults: faultKinds,
  },
  "docs/command.md": { commands },
}

export const pagesWithTables: readonly string[] = Object.keys(tables)

/** A page with its tables between `<!-- name -->` and `<!-- /name -->`. */
export function withTables(path: string, page: string): string {
  return Object.entries(tables[path] ?? {}).reduce((text, [name, entries]) => {
    const rows = Object.entries(entries).map(
      ([key, meaning]) => `| \`${key}\` | ${meaning.replaceAll("|", "\\|")} |`,
    )
    const table = ["| name | meaning |", "|---|---|", ...rows].join("\n")
    const place = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`)
    if (!place.test(text)) throw new Error(`${path} has no place for ${name}`)
    return text.replace(place, (_, open: string, close: string) => `${open}\n${table}\n\n${close}`)
  }, page)
}
