/** How deep what is verified may be nested. */
const deepest = 64

/**
 * JSON as RFC 8259 has it, whose texts are valid Unicode, nested at most 64 deep; undefined for anything else. Both are
 * looked at in the text: what a later value of the same name replaces counts too.
 */
export function parseStrict(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return text.isWellFormed() && !hasLoneEscape(text) && !isTooDeep(text) ? value : undefined
  } catch {
    return undefined
  }
}

/** What is verified, as it was parsed or as its text; undefined for a text that is none. */
export function documentOf(given: unknown): unknown {
  return typeof given === "string" ? parseStrict(given) : given
}

/** Any escape; the group is there for half of a pair alone. */
const escapes = /\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]|(u[dD][89a-fA-F])|.)/g

function hasLoneEscape(text: string): boolean {
  if (!/\\u[dD]/.test(text)) return false
  for (const [, half] of text.matchAll(escapes)) if (half !== undefined) return true
  return false
}

const quotation = 0x22
const backslash = 0x5c

/** Of a text that is JSON. */
function isTooDeep(text: string): boolean {
  if (!mayBeTooDeep(text)) return false
  let depth = 0
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (isQuoted && unit === backslash) at++
    else if (unit === quotation) isQuoted = !isQuoted
    else if (isQuoted) continue
    else if (opens(unit) && ++depth > deepest) return true
    else if (closes(unit)) depth--
  }
  return false
}

/** Most texts have fewer brackets than that in all. */
function mayBeTooDeep(text: string): boolean {
  let left = deepest
  for (const bracket of ["[", "{"]) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1))
      if (left-- === 0) return true
  }
  return false
}

function opens(unit: number): boolean {
  return unit === 0x5b || unit === 0x7b
}

function closes(unit: number): boolean {
  return unit === 0x5d || unit === 0x7d
}
