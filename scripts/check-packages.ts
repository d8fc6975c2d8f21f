// Packs every public package as it would be published and checks the tarballs: publint, attw, and a program that
// installs and runs them outside the repository. Usage: pnpm packages
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")
const packages = readdirSync(join(root, "packages")).filter((name) =>
  existsSync(join(root, "packages", name, "package.json")),
)
const folder = mkdtempSync(join(tmpdir(), "nornr-packages-"))
const run = (command: string, args: readonly string[], cwd = root) =>
  execFileSync(command, args, { cwd, stdio: ["ignore", "inherit", "inherit"] })

try {
  for (const name of packages)
    run("pnpm", ["--dir", join(root, "packages", name), "pack", "--pack-destination", folder])
  const tarballs = readdirSync(folder).map((name) => join(folder, name))
  for (const tarball of tarballs) {
    run("pnpm", ["exec", "publint", "run", tarball, "--strict"])
    run("pnpm", ["exec", "attw", tarball, "--profile", "esm-only"])
  }
  tryAsUser(tarballs)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function tryAsUser(tarballs: readonly string[]): void {
  const user = join(folder, "user")
  const dependencies = Object.fromEntries(tarballs.map((path) => [nameIn(path), `file:${path}`]))
  mkdirSync(user)
  writeFileSync(
    join(user, "package.json"),
    JSON.stringify({
      type: "module",
      private: true,
      dependencies: { ...dependencies, langchain: "^1.5.14", "@openai/agents": "^0.20.0", zod: "^4.6.7" },
    }),
  )
  run(
    "npm",
    ["install", "--prefer-offline", "--fetch-timeout=60000", "--no-audit", "--no-fund", "--silent"],
    user,
  )
  for (const story of ["quickstart", "langgraph-gate-paid-tools", "openai-agents-approval-rules"]) {
    writeFileSync(join(user, `${story}.js`), readFileSync(join(root, "examples", story, "packed.js")))
    run(process.execPath, [`${story}.js`], user)
  }
  for (const command of [["status"], ["approvals"], ["verify"], ["doctor"]])
    run("npx", ["nornr", ...command], user)
}

function nameIn(tarball: string): string {
  const manifest = execFileSync("tar", ["-xzOf", tarball, "package/package.json"], { encoding: "utf8" })
  return (JSON.parse(manifest) as { name: string }).name
}
