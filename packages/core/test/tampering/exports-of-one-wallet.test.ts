import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { Frontier, leafHash } from "../../src/trail/merkle.ts"
import { newCheckpointKey, publicKeyText, signCheckpoint } from "../../src/trail/note.ts"
import {
  anEvent,
  changeEvent,
  checkExport,
  type ExportCase,
  edited,
  joined,
  type Line,
  lastLine,
  nth,
  parsed,
  pinned,
  resealed,
  rewritten,
  samples,
  withLine,
  withSamples,
} from "./samples.ts"

withSamples()

/** Line 2 of an export of one wallet is its first event: a tree of two leaves, the other of which is any. */
function fork(line: string, other: number, key = forkKey): string {
  const [tree, leaf] = [new Frontier(), leafHash(Buffer.alloc(32, other))]
  tree.add(leafHash(Buffer.from(String(parsed(line)["hash"]), "hex")))
  tree.add(leaf)
  const proof = { seq: 1, index: 0, hashes: [Buffer.from(leaf).toString("base64")] }
  return JSON.stringify({ checkpoint: signCheckpoint(key, { size: 2, root: tree.root() }), proof })
}
const forkKey = newCheckpointKey("example.com/spend")

const oneWallet: readonly ExportCase[] = [
  ["nothing", joined, () => []],
  [
    "an amount edited",
    (l) => changeEvent(l, 1, (e) => edited(e, '"amount":"5.00"', '"amount":"0.50"')),
    (l) => [`edited ${nth(l, 1)}`],
  ],
  [
    "an event of another wallet",
    (l) => withLine(l, nth(l, 0), resealed(anEvent(l, 0), { wallet: "other" })),
    (l) => [`gap ${nth(l, 1)}`, `wrong_wallet ${nth(l, 0)}`],
  ],
  [
    "another event before its proof",
    (l) => withLine(l, lastLine(l), l[lastLine(l) - 1] as string, l[lastLine(l) - 1] as string),
    () => [],
  ],
  [
    "a proof of another event",
    (l) =>
      withLine(
        l,
        lastLine(l),
        JSON.stringify({
          ...parsed(l[lastLine(l) - 1]),
          proof: { ...(parsed(l[lastLine(l) - 1])["proof"] as Line), seq: 3 },
        }),
      ),
    (l) => [`proof_fails ${lastLine(l)}`],
  ],
  [
    "a proof at another place",
    (l) =>
      withLine(
        l,
        lastLine(l),
        JSON.stringify({
          ...parsed(l[lastLine(l) - 1]),
          proof: { ...(parsed(l[lastLine(l) - 1])["proof"] as Line), index: 0 },
        }),
      ),
    (l) => [`proof_fails ${lastLine(l)}`],
  ],
  [
    "a checkpoint without its proof",
    (l) => withLine(l, lastLine(l), JSON.stringify({ checkpoint: samples.checkpoint })),
    (l) => [`malformed ${lastLine(l)}`, "uncovered 0"],
  ],
  [
    "two trees of one size that one key has signed",
    (l) => joined([...l.slice(0, 2), fork(l[1] as string, 1), fork(l[1] as string, 2)]),
    () => ["count_differs 0", "root_differs 4"],
    () => ({ keys: [publicKeyText(forkKey)] }),
  ],
  [
    "a field more in its proof",
    (l) => withLine(l, lastLine(l), JSON.stringify({ ...parsed(l[lastLine(l) - 1]), approvedBy: "the CFO" })),
    (l) => [`malformed ${lastLine(l)}`, "uncovered 0"],
  ],
  [
    "everything rewritten",
    (l) => rewritten(l.filter((line) => !("checkpoint" in parsed(line)))).text,
    () => ["uncovered 0"],
  ],
  [
    "another checkpoint of that size elsewhere",
    joined,
    () => ["unknown_key 0"],
    () => ({
      ...pinned(),
      checkpoints: [
        signCheckpoint(newCheckpointKey("example.com/spend"), { size: 5, root: Buffer.alloc(32) }),
      ],
    }),
  ],
]

describe("an export of one wallet, by two verifiers that share no code", () => {
  test.each(oneWallet.map((each) => ({ name: each[0], each })))(
    "shows $name",
    async ({ each: [, tamper, expected, beside] }) => {
      assert.deepEqual(await checkExport(tamper(samples.one), beside?.()), [...expected(samples.one)].sort())
    },
  )
})
