import { NornrError } from "../error/nornr-error.ts"
import { show } from "../input/show.ts"
import { joinBytes } from "./bytes.ts"

/** Text or UTF-8 in pieces of any size: a file's stream, a response's body, a list of strings. */
export type TextSource = Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>

/** Longer lines are none, in UTF-16 units or bytes. */
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
  const line = (last: Uint8Array) => {
    const whole = rest.length === 0 ? last : joinBytes(...rest, last)
    rest = []
    length = 0
    return decoded(decoder, whole)
  }
  for await (const piece of requireSource(source)) {
    const bytes = bytesOf(piece)
    const lines: (string | undefined)[] = []
    let from = 0
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, from)) {
      lines.push(line(bytes.subarray(from, end)))
      from = end + 1
    }
    if (lines.length > 0) yield lines
    if (from === bytes.length) continue
    rest.push(bytes.subarray(from))
    length += bytes.length - from
    if (length > longest) return yield [undefined]
  }
  if (length > 0) yield [line(new Uint8Array())]
}

function requireSource(source: unknown): AsyncIterable<unknown> {
  const isText = typeof source === "object" && source !== null
  if (isText && (Symbol.asyncIterator in source || Symbol.iterator in source)) {
    return source as AsyncIterable<unknown>
  }
  const remedy = "Pass a stream or a list of its pieces: createReadStream(path), response.body, [text]."
  throw new NornrError("invalid_option", `The export is ${show(source)}.`, { remedy })
}

function bytesOf(piece: unknown): Uint8Array {
  if (typeof piece === "string") return new TextEncoder().encode(piece)
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
