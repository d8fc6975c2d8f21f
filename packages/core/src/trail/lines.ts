import { NornrError } from "../error/nornr-error.ts"
import { show } from "../input/show.ts"
import { joinBytes } from "./bytes.ts"

/** Text or UTF-8 in pieces of any size: a file's stream, a response's body, a list of strings. */
export type TextSource = Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>

/** Longer lines are none, in bytes. */
const longest = 64 * 1024 * 1024

const newline = 10

/**
 * The lines of a text, without their ends, piece by piece; undefined for one that is not UTF-8. What is after one that
 * is too long is not read.
 * @throws {NornrError} `invalid_option` for what is no text; what the source throws
 */
export async function* linesOf(source: TextSource): AsyncGenerator<readonly (string | undefined)[]> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  let rest: Uint8Array[] = []
  let length = 0
  for await (const bytes of bytesIn(source)) {
    const lines: (string | undefined)[] = []
    let from = 0
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, from)) {
      if (length + end - from > longest) return yield [...lines, undefined]
      const last = bytes.subarray(from, end)
      lines.push(decoded(decoder, rest.length === 0 ? last : joinBytes([...rest, last])))
      rest = []
      length = 0
      from = end + 1
    }
    if (lines.length > 0) yield lines
    if (from === bytes.length) continue
    rest.push(bytes.subarray(from))
    length += bytes.length - from
    if (length > longest) return yield [undefined]
  }
  if (length > 0) yield [decoded(decoder, joinBytes(rest))]
}

/** A text may be cut in the middle of a character. */
async function* bytesIn(source: TextSource): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  let half = ""
  for await (const piece of requireSource(source)) {
    const text = typeof piece === "string" ? half + piece : half
    const isCut = typeof piece === "string" && /[\ud800-\udbff]$/.test(text)
    half = isCut ? text.slice(-1) : ""
    if (text !== half) yield encoder.encode(isCut ? text.slice(0, -1) : text)
    if (typeof piece !== "string") yield requireBytes(piece)
  }
  if (half !== "") yield encoder.encode(half)
}

function requireSource(source: unknown): AsyncIterable<unknown> {
  const isText = typeof source === "object" && source !== null
  if (isText && (Symbol.asyncIterator in source || Symbol.iterator in source)) {
    return source as AsyncIterable<unknown>
  }
  const remedy = "Pass a stream or a list of its pieces: createReadStream(path), response.body, [text]."
  throw new NornrError("invalid_option", `The export is ${show(source)}.`, { remedy })
}

function requireBytes(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece
  throw new NornrError("invalid_option", `A piece of the export is ${show(piece)}.`, {
    remedy: "Pass strings or bytes.",
  })
}

function decoded(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
