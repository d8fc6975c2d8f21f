import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { describe, test } from "vitest"
import { nornr } from "../packages/cli/src/program.ts"
import { pagesWithTables, withTables } from "./reference.ts"

const root = join(import.meta.dirname, "..")
const read = (path: string) => readFileSync(join(root, path), "utf8")
const pages = globSync("{*.md,docs/**/*.md,bench/*.md,packages/*/README.md}", { cwd: root })
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> }

interface Block {
  readonly page: string
  readonly language: string
  readonly origin: string
  readonly code: string
}

const blocks = pages.flatMap((page) =>
  [...read(page).matchAll(/^```(\w*) ?(.*)\n([\s\S]*?)^```$/gm)].map(
    ([, language = "", origin = "", code = ""]): Block => ({ page, language, origin, code }),
  ),
)
const ofLanguage = (name: string) => blocks.filter(({ language }) => language === name)

/** Packages that are ours or that ours are tested with. */
const known = new Set([
  ...globSync("packages/*/package.json", { cwd: root }).map((path) => JSON.parse(read(path)).name as string),
  ...[...read("pnpm-workspace.yaml").matchAll(/^ {2}"?([@\w/-]+)"?: \^/gm)].map(([, name = ""]) => name),
])

/** The lines between the markers of a region, without their common indent. */
function region(source: string): string {
  const [path = "", name = ""] = source.split("#")
  const [, body = ""] = read(path).split(`// #region ${name}\n`)
  const lines = body
    .slice(0, body.indexOf(`// #endregion ${name}`))
    .trimEnd()
    .split("\n")
  const indent = Math.min(...lines.filter(Boolean).map((line) => line.search(/\S/)))
  return `${lines.map((line) => line.slice(indent)).join("\n")}\n`
}

/** Whether a line runs the `nornr` command with options that it has. */
function isCommand(line: string): boolean {
  const [, words = ""] = /^(?:npx|pnpm) nornr (.+)$/.exec(line) ?? []
  const [name = "", sub = "", ...rest] = words.split(" ")
  const command = nornr(() => undefined).commands.find((each) => each.name() === name)
  const own = command?.commands.find((each) => each.name() === sub) ?? command
  const options = [sub, ...rest].filter((each) => each.startsWith("-"))
  return (
    own !== undefined &&
    options.every((option) => own.options.some(({ long, short }) => option === long || option === short))
  )
}

describe("the documents", () => {
  test("show code as it stands in files that are run", () => {
    assert(ofLanguage("ts").length > 4)
    for (const { page, origin, code } of ofLanguage("ts")) {
      assert.match(origin, /^source=\S+#\S+$/, page)
      assert.equal(code, region(origin.replace("source=", "")), `${page}: ${origin}`)
    }
  })

  test("name commands that exist", () => {
    assert(ofLanguage("sh").length > 3)
    for (const { page, code } of ofLanguage("sh")) {
      for (const line of code.trim().split("\n")) {
        const [, script] = /^(?:npm run|npm|pnpm) ([\w:]+)$/.exec(line) ?? []
        const isScript = script !== undefined && script in scripts
        const [, story] = /^npm run example -- ([\w-]+)$/.exec(line) ?? []
        const isExample = story !== undefined && existsSync(join(root, "examples", story, "main.ts"))
        const installed = line.startsWith("npm install ") ? line.split(" ").slice(2) : []
        const isInstall = installed.length > 0 && installed.every((name) => known.has(name))
        const isTool = line.startsWith("python3 ") && existsSync(join(root, line.split(" ")[1] ?? ""))
        assert(isScript || isExample || isInstall || isTool || isCommand(line), `${page}: ${line}`)
      }
    }
  })

  const shown = blocks.filter(({ origin }) => origin.startsWith("output="))
  const stories = new Set(shown.map(({ origin }) => origin.slice("output=".length)))

  test.each([...stories])("show output that the example prints: %s", async (story) => {
    const { FORCE_COLOR: _colours, OPENAI_API_KEY: _key, ...env } = process.env
    const folder = story === "demo" ? "audit-trail-tool-execution" : story
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(root, "examples", folder, "main.ts")],
      {
        env: { ...env, NO_COLOR: "1" },
      },
    )
    const same = (text: string) =>
      text
        .replace(/\b\d\d:\d\d\b/g, "TIME")
        .replace(/\b[0-9a-f]{8}\b/g, "HASH")
        .replace(/\bdec_[0-9a-z]{26}\b/g, "DECISION")
        .trimEnd()
    const printed = new Set(stdout.split("\n").map(same))
    for (const { page, code } of shown.filter(({ origin }) => origin === `output=${story}`)) {
      for (const line of code.trimEnd().split("\n")) assert(printed.has(same(line)), `${page}: ${line}`)
    }
  })

  test("link to files that exist", () => {
    for (const page of pages) {
      for (const [, target = ""] of read(page).matchAll(/\]\((?!https?:)([^)#]+)/g)) {
        assert(existsSync(join(root, dirname(page), target)), `${page}: ${target}`)
      }
    }
  })

  test("list every code, reason, event and rule variable as the code has them", () => {
    for (const page of pagesWithTables)
      assert.equal(read(page), withTables(page, read(page)), "run pnpm reference")
  })

  test("name files and folders of the architecture that exist", () => {
    for (const [, name = ""] of read("ARCHITECTURE.md").matchAll(/`([\w-]+(?:\/[\w-]+)*\.ts)`/g)) {
      const found = [
        ...globSync(`packages/*/src/**/${name}`, { cwd: root }),
        ...globSync(name, { cwd: root }),
      ]
      assert(found.length > 0, name)
    }
  })
})
