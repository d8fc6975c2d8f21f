// Rewrites the tables of the reference pages from the code. Usage: pnpm reference
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pagesWithTables, withTables } from "./reference.ts"

for (const page of pagesWithTables) {
  const path = join(import.meta.dirname, "..", page)
  writeFileSync(path, withTables(page, readFileSync(path, "utf8")))
}
