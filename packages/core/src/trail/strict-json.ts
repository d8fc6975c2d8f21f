/** How deep what is verified may be nested. */
const deepest = 64

/** JSON as RFC 8259 has it, whose texts are valid Unicode, nested at most 64 deep; undefined for anything else. */
export function parseStrict(text: string | undefined): unknown {
  try {
    const value: unknown = JSON.parse(text ?? "")
    return isStrict(value, /\\u[dD]/.test(text ?? ""), 0) ? value : undefined
  } catch {
    return undefined
  }
}

/** Only an escape can make a lone surrogate in text that was UTF-8. */
function isStrict(value: unknown, checksText: boolean, depth: number): boolean {
  if (typeof value === "string") return !checksText || value.isWellFormed()
  if (typeof value !== "object" || value === null) return true
  if (depth >= deepest) return false
  if (Array.isArray(value)) {
    for (const each of value) if (!isStrict(each, checksText, depth + 1)) return false
    return true
  }
  for (const name in value) {
    if (checksText && !name.isWellFormed()) return false
    if (!isStrict((value as Record<string, unknown>)[name], checksText, depth + 1)) return false
  }
  return true
}
