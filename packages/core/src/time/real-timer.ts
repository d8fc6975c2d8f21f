/** Taken when this module loads, before a test can put a fake in its place that never fires. */
const setRealTimeout: typeof globalThis.setTimeout = globalThis.setTimeout

/** Calls back after so many milliseconds of real time. `idle` timers do not keep a process alive. */
export function afterRealTime(
  ms: number,
  callback: () => void,
  { idle = false }: { readonly idle?: boolean } = {},
): () => void {
  const timer = setRealTimeout(callback, ms)
  if (idle && typeof timer === "object") timer.unref()
  return () => clearTimeout(timer)
}

export function realPause(ms: number): Promise<void> {
  return new Promise((resolve) => void afterRealTime(ms, resolve))
}
