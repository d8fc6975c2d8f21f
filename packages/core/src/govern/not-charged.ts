/** Shared by every copy of this module in the process. */
const markName = Symbol.for("nornr.notCharged/1")

function marked(): WeakSet<object> {
  const holder = globalThis as unknown as Record<symbol, WeakSet<object> | undefined>
  holder[markName] ??= new WeakSet()
  return holder[markName]
}

/**
 * Marks an error that a tool throws: the vendor has charged nothing, so that the hold is released. Throw what it
 * gives: `throw notCharged(new Error("sold out"))`.
 */
export function notCharged<E extends object>(error: E): E {
  const marks = typeof error === "object" && error !== null ? error : (new Error(String(error)) as E)
  marked().add(marks)
  return marks
}

export function isNotCharged(error: unknown): boolean {
  return typeof error === "object" && error !== null && marked().has(error)
}
