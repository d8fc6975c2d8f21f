import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { linesOf, type TextSource } from "./lines.ts"

async function all(source: TextSource): Promise<readonly (string | undefined)[]> {
  const lines: (string | undefined)[] = []
  for await (const some of linesOf(source)) lines.push(...some)
  return lines
}

describe("the lines of a text", () => {
  const text = "a\u00e9\u20ac\n\u{1f600}\n\nlast"
  const lines = ["a\u00e9\u20ac", "\u{1f600}", "", "last"]

  test("are the same, wherever it is cut", async () => {
    for (let at = 0; at <= text.length; at++)
      assert.deepEqual(await all([text.slice(0, at), text.slice(at)]), lines)
    assert.deepEqual(await all([...Buffer.from(text)].map((byte) => Uint8Array.of(byte))), lines)
    assert.deepEqual(await all(Array.from({ length: text.length }, (_, at) => text.charAt(at))), lines)
  })

  test("are none where they are not UTF-8", async () => {
    assert.deepEqual(await all([Uint8Array.of(0xff, 0x0a), "b\n"]), [undefined, "b"])
  })

  test("may come in very many pieces", async () => {
    const [line] = await all(Array.from({ length: 200_000 }, () => Uint8Array.of(0x61)))
    assert.equal(line?.length, 200_000)
  })

  test("end with one that is too long, however it comes", async () => {
    const [piece, count] = ["x".repeat(1024 * 1024), 65]
    const long = Array.from({ length: count }, () => piece)
    assert.deepEqual(await all(["first\n", ...long, "\nlater\n"]), ["first", undefined])
    assert.deepEqual(await all([`first\n${long.join("")}\nlater\n`]), ["first", undefined])
  })
})
