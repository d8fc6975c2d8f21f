import type { ErrorCode } from "../error/codes.ts"
import { NornrError } from "../error/nornr-error.ts"
import { checkText } from "../input/fields.ts"
import { show } from "../input/show.ts"

const invisible = /\p{Default_Ignorable_Code_Point}/gu
/** What IDNA takes for a dot between labels (UTS 46 §4). */
const dots = /[\u3002\uff0e\uff61]/g
/** Schemes that browsers and fetch read leniently: one slash, none or backslashes are two. */
const webAddress = /^(?:https?|wss?|ftp):/
const address = /^(?:[a-z][a-z0-9+.-]*:)?\/\/(?:[^/?#@]*@)?([^/?#]+)/
/** A name with a dot and a letter in what follows it, or four numbers; then perhaps a port, a path, a query. */
const bareHost =
  /^((?:[^\s/:@?#]+\.[^\s/:@?#]*[^\s/:@?#\d.][^\s/:@?#]*)|(?:\d+\.){3}\d+\.?)(?::\d+)?(?:[/?#]|$)/
/** Names and ASCII host names that are their own normal form. */
const normal = /^[a-z][a-z0-9_-]*([. ][a-z][a-z0-9_-]*)*$/

/**
 * The one spelling under which rules and budgets see a counterparty: NFKC, trimmed, lower case, without
 * invisible characters; a host name in its IDNA ASCII form (UTS 46), an address of any scheme, with a port or
 * with a path as its host name. A host and its subdomains are different counterparties. At most 256 characters.
 * @throws {NornrError} with the given code
 */
export function parseCounterparty(value: unknown, field: string, code: ErrorCode): string {
  if (typeof value === "string" && value.length <= 256 && normal.test(value)) return value
  const refuse = (remedy: string): never => {
    throw new NornrError(code, `${field} is ${show(value)}.`, { remedy })
  }
  const raw = checkText(value, 512, refuse).replace(dots, ".").normalize("NFKC")
  const visible = raw.replace(invisible, "").normalize("NFKC")
  const text = visible.trim().replace(/\s+/g, " ").toLowerCase()
  const name = hostOf(text) ?? text.toUpperCase().toLowerCase()
  return checkText(name, 256, () => refuse("Use a name of 1 to 256 visible characters."))
}

/** The host that an address or a host name means; undefined for any other name. */
function hostOf(text: string): string | undefined {
  const host = webAddress.test(text) ? undefined : (address.exec(text) ?? bareHost.exec(text))?.[1]
  if (host === undefined && !webAddress.test(text)) return undefined
  try {
    return new URL(host === undefined ? text : `http://${host}`).hostname.replace(/\.+$/, "")
  } catch {
    return host
  }
}
