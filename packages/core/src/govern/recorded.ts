import { NornrError } from "../error/nornr-error.ts"
import { canonicalJson } from "../trail/canonical.ts"
import { disclosure, disclosureDigest, type Sealed } from "../trail/digest.ts"

/** Makes JSON of what a tool gives, and what it gave of JSON, for replays. */
export interface Codec<T> {
  encode(result: T): unknown
  decode(recorded: unknown): T
}

/** What is kept of a result for replays: itself, a digest alone, or what a function makes of it. */
export type Recorded<T> = "result" | "digest" | ((result: T) => unknown)

/** Characters of JSON; what is longer is not kept. */
const maxResult = 1_048_576
const maxError = 65_536

interface Recording {
  /** What the tool gave, encoded; left out for undefined. */
  readonly v?: unknown
  /** The stream gave this as its last chunk, and no value at its end. */
  readonly chunk?: true
}

/** What is kept of a result; undefined where there is nothing that JSON can hold. */
export function recordResult<T>(
  result: T,
  {
    record = "result",
    codec,
  }: { readonly record?: Recorded<T> | undefined; readonly codec?: Codec<T> | undefined },
  isChunk: boolean,
): Sealed | undefined {
  try {
    const kept = typeof record === "function" ? (record(result) as T) : result
    const v = codec === undefined ? kept : codec.encode(kept)
    const text = canonicalJson({ v, chunk: isChunk ? true : undefined }, "result")
    return seal("result", text, record !== "digest" && text.length <= maxResult)
  } catch {
    return undefined
  }
}

/** What a replay of a settled spend gets. */
export function replayResult<T>(
  sealed: Sealed | undefined,
  codec: Codec<T> | undefined,
  decision: string,
): { readonly value: T; readonly chunk: boolean } {
  if (sealed?.value === undefined) throw notKept(decision, "result", undefined)
  try {
    const { v, chunk } = JSON.parse(sealed.value) as Recording
    return { value: codec === undefined ? (v as T) : codec.decode(v), chunk: chunk === true }
  } catch (cause) {
    throw notKept(decision, "result", cause)
  }
}

/** What is kept of an error: its name, message and code. */
export function recordError(error: unknown, keeps: boolean): Sealed | undefined {
  try {
    const { name, message, code } = error as { name?: unknown; message?: unknown; code?: unknown }
    const fields = error instanceof Error ? { name, message, code: scalar(code) } : { thrown: error }
    const text = canonicalJson(fields, "error")
    return seal("error", text, keeps && text.length <= maxError)
  } catch {
    return undefined
  }
}

/** What a replay of a failed spend throws. */
export function replayError(sealed: Sealed | undefined, decision: string): unknown {
  if (sealed?.value === undefined) return notKept(decision, "error", undefined)
  const kept = JSON.parse(sealed.value) as {
    thrown?: unknown
    name?: string
    message?: string
    code?: unknown
  }
  if (kept.message === undefined) return kept.thrown
  const error = new Error(kept.message)
  error.name = kept.name ?? "Error"
  return kept.code === undefined ? error : Object.assign(error, { code: kept.code })
}

function seal(name: string, text: string, keeps: boolean): Sealed {
  const { salt, value } = disclosure(text)
  return keeps ? { salt, value } : { salt, digest: disclosureDigest(name, { salt, value }) }
}

function scalar(value: unknown): string | number | undefined {
  return typeof value === "string" || typeof value === "number" ? value : undefined
}

function notKept(decision: string, what: string, cause: unknown): NornrError {
  const problem = `Decision ${decision} has run before, and its ${what} was not kept (its \`record\` term, its size or its age), or a reviewer has settled it.`
  const remedy = "It is not run again; use a new key where it should be."
  return new NornrError("result_not_kept", problem, { remedy, cause })
}
