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
    return text.isWellFormed() &&
      !hasLoneEscape(text) &&
      !(mayBeTooDeep(text) && structureOf(text).depth > deepest)
      ? value
      : undefined
  } catch {
    return undefined
  }
}

/** As `parseStrict`, with no name twice in an object: parsers differ in which value they take. */
export function parseUnique(text: string | undefined): unknown {
  const value = parseStrict(text)
  return value !== undefined && structureOf(text as string).names === countNames(value) ? value : undefined
}

/** What is verified, as it was parsed or as its text; undefined for a text that is none. */
export function documentOf(given: unknown): unknown {
  return typeof given === "string" ? parseUnique(given) : given
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
const colon = 0x3a

/** How deep a text that is JSON is nested, and how many values have a name. */
function structureOf(text: string): { readonly depth: number; readonly names: number } {
  let [depth, most, names] = [0, 0, 0]
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (isQuoted && unit === backslash) at++
    else if (unit === quotation) isQuoted = !isQuoted
    else if (isQuoted) continue
    else if (unit === colon) names++
    else if (closes(unit)) depth--
    else if (opens(unit)) most = Math.max(most, ++depth)
  }
  return { depth: most, names }
}

function countNames(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0
  const own = Array.isArray(value) ? 0 : Object.keys(value).length
  return Object.values(value).reduce((sum: number, each) => sum + countNames(each), own)
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
