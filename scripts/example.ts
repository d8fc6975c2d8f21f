// Runs an example by its name: `npm run example -- langchain-agent-budget`.
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"

const examples = join(import.meta.dirname, "../examples")
const mainOf = (name: string) => join(examples, name, "main.ts")
const names = readdirSync(examples).filter((name) => existsSync(mainOf(name)))

const [name = ""] = process.argv.slice(2)
if (names.includes(name)) await import(mainOf(name))
else {
  console.error(`There is no example ${JSON.stringify(name)}. There are: ${names.join(", ")}.`)
  process.exitCode = 1
}
