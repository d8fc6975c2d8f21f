// Rewrites the tables of docs/reference.md from the code. Usage: pnpm reference
import { readFileSync, writeFileSync } from "node:fs"
import { withTables } from "./reference.ts"

const page = new URL("../docs/reference.md", import.meta.url)
writeFileSync(page, withTables(readFileSync(page, "utf8")))
