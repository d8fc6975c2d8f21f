/** A value as short text for an error message: at most 60 characters, and it never throws. */
export function show(value: unknown): string {
  const text = describe(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80))
  if (typeof value === "bigint") return `${value}n`
  if (typeof value === "function") return "a function"
  if (typeof value === "symbol") return "a symbol"
  if (typeof value !== "object" || value === null) return String(value)
  try {
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "an invalid Date" : value.toISOString()
    const kind = Object.getPrototypeOf(value)?.constructor?.name ?? "Object"
    if (kind !== "Object" && kind !== "Array") return `a ${kind}`
    return JSON.stringify(value) ?? "an object"
  } catch {
    return "an object that JSON cannot hold"
  }
}
