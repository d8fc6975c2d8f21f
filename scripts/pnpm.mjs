// Runs pnpm under the Node.js and pnpm that package.json names in "devEngines". npx fetches whichever of the
// two this machine lacks, so that `npm test` works on a fresh clone. Usage: node scripts/pnpm.mjs <pnpm args>
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import process from "node:process"

const { devEngines } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))

function run(command, args, options) {
  return spawnSync(command, args, { shell: process.platform === "win32", encoding: "utf8", ...options })
}

/** Older than named, up to the minor version. */
function missing({ name, version }) {
  const number = (text) => {
    const [major, minor] = text.replace("v", "").split(".").map(Number)
    return major * 1000 + minor
  }
  return !(number(run(name, ["--version"]).stdout ?? "") >= number(version))
}

const fetched = Object.values(devEngines)
  .filter(missing)
  .map(({ name, version }) => `--package=${name}@${version}`)
const npx = fetched.length > 0 ? ["npx", "--yes", ...fetched, "--"] : []
const [command, ...args] = [...npx, "pnpm", ...process.argv.slice(2)]

const env = { ...process.env, TURBO_TELEMETRY_DISABLED: "1" }
const { status } = run(command, args, { stdio: "inherit", env })
process.exit(status ?? 1)
