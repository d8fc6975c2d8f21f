import { NornrError } from "../error/nornr-error.ts"
import { defined } from "../input/defined.ts"
import { fieldsOf } from "../input/fields.ts"
import { type Disclosure, disclosure } from "../trail/digest.ts"

/** What shows that a paid step was what it was: an invoice, a vendor's receipt, the digest of a file. */
export interface Evidence {
  /** What it is, such as `invoice`: 1 to 64 characters. */
  readonly kind: string
  /** Where it is, or its id as a URN; without credentials, up to 2048 characters. In clear in the trail, for good. */
  readonly url?: string | undefined
  /** `sha256:`, `sha384:` or `sha512:` and the digest in lower-case hexadecimal. */
  readonly digest?: string | undefined
  /** For people, up to 1000 characters; kept beside the trail as comments are, with a digest in it. */
  readonly note?: string | undefined
}

/** Evidence as a decision carries it. */
export interface AttachedEvidence {
  readonly kind: string
  readonly url?: string
  readonly digest?: string
  /** ISO 8601 UTC. */
  readonly at: string
}

/** Evidence that is not on record yet. */
export interface ParsedEvidence extends Omit<AttachedEvidence, "at"> {
  readonly note?: Disclosure
}

const digests: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 }

/** @throws {NornrError} `invalid_option` */
export function parseEvidence(input: unknown, path: string): ParsedEvidence {
  const allowed = ["kind", "url", "digest", "note"]
  const fields = fieldsOf(input, { path, what: "The evidence", code: "invalid_option", allowed })
  const kind = fields.text("kind", 64) ?? fields.refuse("kind", undefined, "Say what it is, such as invoice.")
  const url = fields.text("url", 2048)
  const digest = fields.text("digest", 160)
  const note = fields.text("note", 1000)
  if (url !== undefined && !isPublicUrl(url)) {
    fields.refuse("url", url, "Use an absolute URL or URN without a user name or password.")
  }
  const [, algorithm = "", hex = ""] = /^(\w+):([0-9a-f]+)$/.exec(digest ?? "") ?? []
  if (digest !== undefined && digests[algorithm] !== hex.length) {
    fields.refuse("digest", digest, "Use sha256: and the digest in lower-case hexadecimal.")
  }
  if (url !== undefined || digest !== undefined || note !== undefined) {
    return defined({ kind, url, digest, note: note === undefined ? undefined : disclosure(note) })
  }
  const remedy = "Give a url, a digest or a note."
  throw new NornrError("invalid_option", `The evidence ${JSON.stringify(kind)} shows nothing.`, { remedy })
}

/** One or several. @throws {NornrError} `invalid_option` */
export function parseEvidences(input: unknown): readonly ParsedEvidence[] {
  if (input === undefined) return []
  const list = Array.isArray(input) ? input : [input]
  if (list.length > 100) {
    const remedy = "Attach one that lists the others, such as the digest of an archive."
    throw new NornrError("invalid_option", `There are ${list.length} pieces of evidence.`, { remedy })
  }
  return list.map((each: unknown, index) =>
    parseEvidence(each, Array.isArray(input) ? `evidence[${index}]` : ""),
  )
}

export function isSameEvidence(
  left: Omit<AttachedEvidence, "at">,
  right: Omit<AttachedEvidence, "at">,
): boolean {
  return left.kind === right.kind && left.url === right.url && left.digest === right.digest
}

/** A `blob:` URL has another inside. */
function isPublicUrl(text: string): boolean {
  const url = URL.parse(text)
  if (url?.protocol === "blob:") return isPublicUrl(text.slice("blob:".length))
  return url !== null && url.username === "" && url.password === ""
}
