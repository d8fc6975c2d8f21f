import assert from "node:assert/strict"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { rolldown } from "rolldown"
import { expect, test } from "vitest"
import { auditedLedger } from "../../test/audited-ledger.ts"
import type * as Trail from "./index.ts"

test("@nornr/core/trail builds for browsers and verifies there: no Node, no Buffer, Web Crypto alone", async () => {
  const ledger = await auditedLedger()
  const audit = await ledger.open()
  await audit.checkpoint({ key: ledger.key.path })
  const text = await ledger.exported()
  const packet = await audit.packet(ledger.decisions.reviewed)
  const receipt = await audit.proveReceipt(ledger.decisions.settled.receipt)
  await audit.close()

  const input = fileURLToPath(new URL("./index.ts", import.meta.url))
  const bundle = await rolldown({ input, platform: "browser" })
  const { output } = await bundle.generate({ format: "esm" })
  await bundle.close()
  assert.equal(output.length, 1)
  assert.doesNotMatch(output[0].code, /\bfrom\s*["']node:|\brequire\(|new Database/)
  const path = join(ledger.folder, "trail.mjs")
  writeFileSync(
    path,
    `const self0 = globalThis.testWindow;\n${output[0].code.replaceAll("globalThis", "self0")}`,
  )
  const { crypto, TextEncoder, TextDecoder, btoa, atob } = globalThis
  Object.assign(globalThis, { testWindow: { crypto, TextEncoder, TextDecoder, btoa, atob } })
  const trail = (await import(pathToFileURL(path).href)) as typeof Trail
  const pinned = { keys: [ledger.key.publicKey] }
  const report = await trail.verifyExport([text], pinned)
  expect(report.ok && report.covered?.size).toBe(report.events)
  expect((await trail.verifyPacket(packet, pinned)).ok).toBe(true)
  expect((await trail.verifyReceipt(receipt, pinned)).ok).toBe(true)
  const forged = await trail.verifyExport([text.replace("reports.example", "mallory.example")], pinned)
  expect(!forged.ok && forged.kind).toBe("edited")
  Reflect.deleteProperty(globalThis, "testWindow")
  ledger.remove()
})
