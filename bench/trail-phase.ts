// One phase of bench/trail.ts, in a process of its own. Prints how long it took and the most memory it had.
import { createReadStream, createWriteStream } from "node:fs"
import { pipeline } from "node:stream/promises"
import { AuditDesk, verifyExport, verifyPacket } from "@nornr/core"

const [what = "", ledger = "", ...args] = process.argv.slice(2)
const [first = "", second = "", third = ""] = args

type Report = { readonly ok: boolean }

const phases: Readonly<Record<string, () => Promise<Report>>> = {
  checkpoint: () => audited(async (audit) => ({ ok: (await audit.checkpoint({ key: first })).size > 0 })),
  export: () =>
    audited(async (audit) => {
      await pipeline(audit.exportTrail(), createWriteStream(first))
      return { ok: true }
    }),
  chain: () => verifyExport(stream(first), { tree: false }),
  tree: () => verifyExport(stream(first), { keys: [second] }),
  "ledger-chain": () => audited((audit) => audit.verify({ tree: false, replay: false })),
  "ledger-tree": () => audited((audit) => audit.verify({ keys: [first], replay: false })),
  "ledger-replay": () => audited((audit) => audit.verify({ tree: false })),
  packet: () => audited(async (audit) => verifyPacket(await audit.packet(third), { keys: [second] })),
}

const start = performance.now()
const report = await phases[what]?.()
if (report?.ok !== true) throw new Error(`${what}: ${JSON.stringify(report)}`)
const seconds = (performance.now() - start) / 1000
console.log(JSON.stringify({ seconds, peak: Math.round(process.resourceUsage().maxRSS / 1024) }))

async function audited<T>(use: (audit: AuditDesk) => Promise<T>): Promise<T> {
  await using audit = await AuditDesk.open({ ledger })
  return await use(audit)
}

function stream(path: string) {
  return createReadStream(path, { highWaterMark: 1024 * 1024 })
}
