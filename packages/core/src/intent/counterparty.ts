import type { ErrorCode } from "../error/codes.ts"
import { NornrError } from "../error/nornr-error.ts"
import { checkText } from "../input/fields.ts"
import { show } from "../input/show.ts"

const invisible = /\p{Default_Ignorable_Code_Point}/gu
/** What IDNA takes for a dot between labels (UTS 46 §4). */
const dots = /[\u3002\uff0e\uff61]/g
/** Schemes that browsers and fetch read leniently: one slash, none or backslashes are two. */
const webAddress = /^(?:https?|wss?|ftp):/i
const otherAddress = /^(?:[a-z][a-z0-9+.-]{0,30}:)?\/\//i
const numbers = /^\d{1,3}(?:\.\d{1,3}){3}$/
/** Names and ASCII host names that are their own normal form. */
const normal = /^[a-z][a-z0-9_-]*([. ][a-z][a-z0-9_-]*)*$/

/**
 * The one spelling under which rules and budgets see a counterparty: NFKC, trimmed, without case or invisible
 * characters; a host name in its IDNA ASCII form (UTS 46), an address of any scheme, with a port or with a path
 * as its host name. A host and its subdomains are different counterparties. At most 256 characters.
 * @throws {NornrError} with the given code
 */
export function parseCounterparty(value: unknown, field: string, code: ErrorCode): string {
  if (typeof value === "string" && value.length <= 256 && normal.test(value)) return value
  const refuse = (remedy: string): never => {
    throw new NornrError(code, `${field} is ${show(value)}.`, { remedy })
  }
  let name = checkText(value, 512, refuse)
  for (let turn = 0; turn < 5; turn++) {
    const next = spell(name, refuse)
    if (next === name) return checkText(name, 256, () => refuse("Use a name of 1 to 256 visible characters."))
    name = checkText(next, 512, () => refuse("Use a name of 1 to 256 visible characters."))
  }
  return refuse("Use a name that has one spelling.")
}

function spell(raw: string, refuse: (remedy: string) => never): string {
  const visible = raw.replace(dots, ".").normalize("NFKC").replace(invisible, "").normalize("NFKC")
  const text = visible.trim().replace(/\s+/g, " ")
  const host = text.length > 512 ? undefined : hostOf(text, refuse)
  return host?.replace(/\.+$/, "") ?? folded(text)
}

/** Without case: more letters agree in upper case than in lower case. */
function folded(text: string): string {
  return text.toUpperCase().toLowerCase().normalize("NFKC").trim()
}

/** The host that an address or a host name means; undefined for any other name. */
function hostOf(text: string, refuse: (remedy: string) => never): string | undefined {
  if (webAddress.test(text)) {
    return readHost(text) ?? refuse("Use a web address that a browser would open, or the host's name.")
  }
  const prefix = otherAddress.exec(text)?.[0]
  const authority = (prefix === undefined ? text : text.slice(prefix.length)).split(/[/?#\\]/, 1)[0] ?? ""
  const at = authority.lastIndexOf("@")
  const isMail = prefix === undefined && at >= 0 && !authority.slice(0, at).includes(":")
  const host = authority.slice(at + 1).replace(/:\d*$/, "")
  if (isMail || !(isHost(host) || (prefix !== undefined && host !== ""))) return undefined
  return isHost(host) ? (readHost(`http://${host}`) ?? folded(host)) : folded(host)
}

function isHost(name: string): boolean {
  if (name.startsWith("[")) return name.endsWith("]")
  if (name.includes(":") || /\s/.test(name)) return false
  const labels = name.replace(/\.+$/, "").split(".")
  return (
    numbers.test(labels.join(".")) ||
    (labels.length > 1 && labels.every(Boolean) && /\D/.test(labels.at(-1) ?? ""))
  )
}

function readHost(address: string): string | undefined {
  try {
    return new URL(address).hostname || undefined
  } catch {
    return undefined
  }
}
