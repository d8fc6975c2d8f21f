import type { ErrorCode } from "../error/codes.ts"
import { NornrError } from "../error/nornr-error.ts"
import { checkText } from "../input/fields.ts"
import { show } from "../input/show.ts"

const invisible = /\p{Default_Ignorable_Code_Point}/gu
const hostName = /^[^\s/:@?#]+\.[^\s/:@?#]+$/
const webAddress = /^https?:\/\//
/** Names and ASCII host names that are their own normal form. */
const normal = /^[a-z][a-z0-9_-]*([. ][a-z][a-z0-9_-]*)*$/

/**
 * The one spelling under which rules and budgets see a counterparty: NFKC, trimmed, lower case, without
 * invisible characters; a host name in its IDNA ASCII form (UTS 46), a web address as its host name.
 * At most 256 characters.
 * @throws {NornrError} with the given code
 */
export function parseCounterparty(value: unknown, field: string, code: ErrorCode): string {
  if (typeof value === "string" && value.length <= 256 && normal.test(value)) return value
  const refuse = (remedy: string): never => {
    throw new NornrError(code, `${field} is ${show(value)}.`, { remedy })
  }
  const raw = checkText(value, 512, refuse)
  const text = raw.normalize("NFKC").replace(invisible, "").trim().replace(/\s+/g, " ").toLowerCase()
  const name = webAddress.test(text) || hostName.test(text) ? asHost(text) : text
  return checkText(name, 256, () => refuse("Use a name of 1 to 256 visible characters."))
}

function asHost(text: string): string {
  try {
    const { hostname } = new URL(webAddress.test(text) ? text : `http://${text}`)
    return hostname.replace(/\.$/, "")
  } catch {
    return text
  }
}
