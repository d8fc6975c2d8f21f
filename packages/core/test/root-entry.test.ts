import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { type OutputChunk, rolldown } from "rolldown"
import { describe, test } from "vitest"
import { errorCodes } from "../src/index.ts"

const root = fileURLToPath(new URL("../src/index.ts", import.meta.url))

/** The root entry as a bundler for browsers builds it. */
async function bundled(): Promise<{ readonly chunk: OutputChunk; readonly warnings: readonly string[] }> {
  const warnings: string[] = []
  const onLog = (level: string, { message }: { message: string }) =>
    void (level === "warn" && warnings.push(message))
  const bundle = await rolldown({ input: root, platform: "browser", onLog })
  const { output } = await bundle.generate({ format: "esm" })
  await bundle.close()
  assert.equal(output.length, 1)
  return { chunk: output[0], warnings }
}

const { chunk, warnings } = await bundled()
const sources = chunk.moduleIds.filter((id) => id.includes("/core/src/"))

describe("the root entry", () => {
  test("builds for the browser as one file, without a warning", () => {
    assert(sources.length > 40)
    assert.deepEqual(warnings, [])
  })

  test("imports no module of Node, statically or dynamically", () => {
    assert.deepEqual([...chunk.imports, ...chunk.dynamicImports], [])
    const code = chunk.code.replace(/\/\*[\s\S]*?\*\//g, "") // a library's comments name types by import()
    assert.doesNotMatch(code, /\bfrom\s*["']node:|\bimport\(\s*["']|\brequire\(/)
  })

  test("awaits nothing at module level", () => {
    assert.doesNotMatch(chunk.code, /^await /m)
  })

  test("documents every code that it throws", () => {
    const thrown = sources.flatMap((file) => [
      ...readFileSync(file, "utf8").matchAll(/NornrError\(\s*"(\w+)"/g),
    ])
    assert(thrown.length > 30)
    for (const [, code = ""] of thrown) assert(code in errorCodes, code)
  })
})
