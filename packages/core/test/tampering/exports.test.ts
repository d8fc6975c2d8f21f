import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { newCheckpointKey, publicKeyText } from "../../src/trail/note.ts"
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
  rootDiffers,
  samples,
  withLine,
  withSamples,
} from "./samples.ts"

withSamples()

const disclosureLine = (lines: readonly string[]) =>
  lines.findIndex((line) => line.startsWith('{"disclosure":{')) + 1
/** The disclosure behind one that is none does not stand with its event any more. */
const malformedDisclosure = (lines: readonly string[]) => [
  `malformed ${disclosureLine(lines)}`,
  `disclosure_differs ${disclosureLine(lines) + 1}`,
]

const disclosing = (lines: readonly string[], more: string) =>
  withLine(
    lines,
    disclosureLine(lines),
    edited(lines[disclosureLine(lines) - 1] as string, '"disclosure":{', `"disclosure":{${more},`),
  )

const heading = (lines: readonly string[], more: string) =>
  withLine(lines, 1, edited(lines[0] as string, "{", `{${more},`))

const exports: readonly ExportCase[] = [
  ["a name twice in a disclosure", (l) => disclosing(l, '"name":"FORGED"'), malformedDisclosure],
  ["a name twice, once in escapes", (l) => disclosing(l, '"n\\u0061me":"FORGED"'), malformedDisclosure],
  ["a name twice in its header", (l) => heading(l, '"events":1'), () => ["malformed 1"]],
  [
    "a value nested too deep that another replaces",
    (l) => disclosing(l, `"name":${"[".repeat(63)}"[{"${"]".repeat(63)}`),
    malformedDisclosure,
  ],
  ["brackets and colons in a text", (l) => heading(l, `"x":"\\":${"[".repeat(99)}"`), () => []],
  ["a whole character in two escapes", (l) => heading(l, '"x":"\\ud83d\\ude00"'), () => []],
  ["a field more in a disclosure", (l) => disclosing(l, '"note":"FORGED"'), malformedDisclosure],
  ["half a character in its header", (l) => heading(l, '"x":"\\ud800"'), () => ["malformed 1"]],
  ["nothing", joined, () => []],
  [
    "an amount edited",
    (l) => changeEvent(l, 1, (e) => edited(e, '"amount":"5.00"', '"amount":"0.50"')),
    (l) => [`edited ${nth(l, 1)}`],
  ],
  [
    "a time edited",
    (l) => changeEvent(l, 2, (e) => edited(e, /"at":"20/, '"at":"19')),
    (l) => [`edited ${nth(l, 2)}`],
  ],
  [
    "a hash edited",
    (l) => changeEvent(l, 1, (e) => e.replace(/"hash":"..../, '"hash":"0000')),
    (l) => [`broken_link ${nth(l, 2)}`, `edited ${nth(l, 1)}`, rootDiffers(l)],
  ],
  [
    "an event edited and sealed anew",
    (l) => changeEvent(l, 1, (e) => resealed(e, { type: "spend.released" })),
    (l) => [`broken_link ${nth(l, 2)}`, rootDiffers(l)],
  ],
  [
    "white space in an event",
    (l) => changeEvent(l, 1, (e) => e.replace('{"at"', '{ "at"')),
    (l) => [`edited ${nth(l, 1)}`],
  ],
  [
    "a name twice in an event",
    (l) => changeEvent(l, 1, (e) => e.replace('"data":{', '"data":{"amount":"9.00",')),
    (l) => [`edited ${nth(l, 1)}`],
  ],
  [
    "an event sealed with a number that is not whole",
    (l) => changeEvent(l, 1, (e) => resealed(e, { data: { ...(parsed(e)["data"] as Line), x: 1.5 } })),
    (l) => [`broken_link ${nth(l, 2)}`, `malformed ${nth(l, 1)}`, rootDiffers(l)],
  ],
  [
    "an event sealed with a field more",
    (l) => changeEvent(l, 1, (e) => resealed(e, { zzz: 1 })),
    (l) => [`broken_link ${nth(l, 2)}`, `malformed ${nth(l, 1)}`, rootDiffers(l)],
  ],
  [
    "an event of another version",
    (l) => changeEvent(l, 1, (e) => resealed(e, { v: 2 })),
    (l) => [`broken_link ${nth(l, 2)}`, `malformed ${nth(l, 1)}`, rootDiffers(l)],
  ],
  [
    "an event deleted",
    (l) => withLine(l, nth(l, 3)),
    (l) => [
      "count_differs 0",
      `disclosure_differs ${nth(l, 3)}`,
      `gap ${nth(l, 4) - 1}`,
      `root_differs ${lastLine(l) - 1}`,
    ],
  ],
  [
    "two events swapped",
    (l) => {
      const [a, b] = [nth(l, 7), nth(l, 8)]
      return joined(l.map((line, i) => (i + 1 === a ? anEvent(l, 8) : i + 1 === b ? anEvent(l, 7) : line)))
    },
    (l) => [
      `gap ${nth(l, 7)}`,
      `out_of_order ${nth(l, 8)}`,
      ...[16, 17, 19].map((at) => `disclosure_differs ${at}`),
      rootDiffers(l),
    ],
  ],
  [
    "an event repeated",
    (l) => withLine(l, nth(l, 2), anEvent(l, 2), anEvent(l, 2)),
    (l) => ["count_differs 0", `out_of_order ${nth(l, 2) + 1}`, `root_differs ${lastLine(l) + 1}`],
  ],
  [
    "an event inserted",
    (l) =>
      withLine(
        l,
        nth(l, 2),
        anEvent(l, 2),
        resealed(anEvent(l, 2), { seq: 4, prev: parsed(anEvent(l, 2))["hash"] }),
      ),
    (l) =>
      [
        "count_differs 0",
        `out_of_order ${nth(l, 3) + 1}`,
        `broken_link ${nth(l, 4) + 1}`,
        `root_differs ${lastLine(l) + 1}`,
      ].sort(),
  ],
  [
    "an event without its hash",
    (l) => changeEvent(l, 0, (e) => e.replace(/,"hash":"[0-9a-f]+"/, "")),
    (l) => ["count_differs 0", `gap ${nth(l, 1)}`, `malformed ${nth(l, 0)}`, rootDiffers(l)],
  ],
  [
    "the tail cut off after the checkpoint",
    (l) => joined(l.slice(0, lastLine(l))),
    () => ["count_differs 0"],
  ],
  [
    "the tail cut off, and the header made to fit",
    (l) => joined([JSON.stringify({ ...parsed(l[0]), events: 1 }), ...l.slice(1, nth(l, 1) - 1)]),
    () => ["uncovered 0"],
  ],
  [
    "the tail cut off, with a checkpoint elsewhere",
    (l) => joined([JSON.stringify({ ...parsed(l[0]), events: 1 }), ...l.slice(1, nth(l, 1) - 1)]),
    () => ["rolled_back 0"],
    () => ({ ...pinned(), checkpoints: [samples.checkpoint] }),
  ],
  [
    "the tail cut off, with a receipt elsewhere",
    (l) => joined([JSON.stringify({ ...parsed(l[0]), events: 1 }), ...l.slice(1, nth(l, 1) - 1)]),
    () => ["receipt_missing 0", "uncovered 0"],
    () => ({ ...pinned(), receipts: [samples.ledger.decisions.settled.receipt] }),
  ],
  [
    "everything rewritten, nothing kept elsewhere",
    (l) => rewritten(l).text,
    (l) => [`unknown_key ${lastLine(l)}`],
  ],
  ["everything rewritten, no key pinned", (l) => rewritten(l).text, () => [], () => ({})],
  [
    "everything rewritten, a checkpoint elsewhere",
    (l) => rewritten(l.filter((line) => !("checkpoint" in parsed(line)))).text,
    () => ["root_differs 0"],
    () => ({ ...pinned(), checkpoints: [samples.checkpoint] }),
  ],
  [
    "everything rewritten, a receipt elsewhere",
    (l) => rewritten(l.filter((line) => !("checkpoint" in parsed(line)))).text,
    (l) => [
      `receipt_mismatch ${l.findIndex((line) => line.includes(samples.ledger.decisions.settled.receipt.hash)) + 1}`,
      "uncovered 0",
    ],
    () => ({ ...pinned(), receipts: [samples.ledger.decisions.settled.receipt] }),
  ],
  [
    "the key swapped",
    joined,
    (l) => [`unknown_key ${lastLine(l)}`],
    () => ({ keys: [publicKeyText(newCheckpointKey("example.com/spend"))] }),
  ],
  [
    "the key of another log",
    joined,
    (l) => [`unknown_key ${lastLine(l)}`],
    () => ({ keys: [publicKeyText(newCheckpointKey("example.com/other"))] }),
  ],
  [
    "the checkpoint's size forged",
    (l) => withLine(l, lastLine(l), (l[lastLine(l) - 1] as string).replace(/\\n(\d+)\\n/, "\\n1\\n")),
    (l) => [`bad_signature ${lastLine(l)}`],
  ],
  [
    "the checkpoint's signature forged",
    (l) =>
      withLine(
        l,
        lastLine(l),
        (l[lastLine(l) - 1] as string).replace(
          /([A-Za-z0-9+/])(.)=\\n"/,
          (_, a: string, b: string) => `${a === "A" ? "B" : "A"}${b}=\\n"`,
        ),
      ),
    (l) => [`bad_signature ${lastLine(l)}`],
  ],
  [
    "the checkpoint without a signature",
    (l) => withLine(l, lastLine(l), (l[lastLine(l) - 1] as string).replace(/\\n\\n.*"/, '\\n\\n"')),
    (l) => [`malformed_checkpoint ${lastLine(l)}`],
  ],
  [
    "an earlier checkpoint in its place",
    (l) => withLine(l, lastLine(l), JSON.stringify({ checkpoint: samples.earlier })),
    (l) => [rootDiffers(l)],
  ],
  [
    "the checkpoint moved",
    (l) => {
      const at = lastLine(l)
      return joined([...l.slice(0, at - 2), l[at - 1] as string, l[at - 2] as string, ...l.slice(at)])
    },
    (l) => [`root_differs ${lastLine(l) - 1}`],
  ],
  [
    "a purpose changed",
    (l) => joined(l.map((line) => line.replace('"value":"buy_report"', '"value":"buy_yacht"'))),
    (l) =>
      l
        .flatMap((line, i) => (line.includes('"value":"buy_report"') ? [`disclosure_differs ${i + 1}`] : []))
        .sort(),
  ],
  [
    "a text under another name",
    (l) => joined(l.map((line) => line.replace('"name":"comment"', '"name":"purpose"'))),
    (l) =>
      l
        .flatMap((line, i) => (line.includes('"name":"comment"') ? [`disclosure_differs ${i + 1}`] : []))
        .sort(),
  ],
  ["all texts taken out", (l) => joined(l.filter((line) => !("disclosure" in parsed(line)))), () => []],
  [
    "a text moved to another event",
    (l) => {
      const at = l.findIndex((line) => "disclosure" in parsed(line))
      const text = l[at] as string
      return joined([...l.slice(0, at), ...l.slice(at + 1), text])
    },
    (l) => [`disclosure_differs ${l.length}`],
  ],
  [
    "the header made to fit another count",
    (l) => withLine(l, 1, JSON.stringify({ ...parsed(l[0]), events: 99 })),
    () => ["count_differs 0"],
  ],
  ["no header", (l) => joined(l.slice(1)), () => ["malformed 1"]],
  [
    "a header in the middle",
    (l) => withLine(l, 3, l[2] as string, l[0] as string),
    () => ["disclosure_differs 5", "disclosure_differs 6", "malformed 4"],
  ],
  ["no JSON in a line", (l) => joined([...l, "{"]), (l) => [`malformed ${l.length + 1}`]],
  ["NaN in a line", (l) => joined([...l, '{"kind":NaN}']), (l) => [`malformed ${l.length + 1}`]],
  ["an empty line", (l) => joined([...l, ""]), (l) => [`malformed ${l.length + 1}`]],
  ["nothing at all", () => "", () => ["malformed 1"]],
  [
    "receipts that differ",
    joined,
    (l) => [
      `receipt_mismatch ${l.findIndex((line) => line.includes(samples.ledger.decisions.settled.receipt.hash)) + 1}`,
    ],
    () => ({
      ...pinned(),
      receipts: [{ ...samples.ledger.decisions.settled.receipt, hash: "0".repeat(64) }],
    }),
  ],
]

describe("an export of the ledger, by two verifiers that share no code", () => {
  test.each(exports.map((each) => ({ name: each[0], each })))(
    "shows $name",
    async ({ each: [, tamper, expected, beside] }) => {
      assert.deepEqual(
        await checkExport(tamper(samples.whole), beside?.()),
        [...expected(samples.whole)].sort(),
      )
    },
  )
})
