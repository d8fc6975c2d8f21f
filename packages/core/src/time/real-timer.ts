/**
 * The runtime's own timers and clocks, taken when this module loads, before a test can put fakes in their
 * place that never fire.
 */
const { setTimeout, clearTimeout, setImmediate, queueMicrotask, performance } = globalThis
const now = performance.now.bind(performance)

/** Milliseconds of real time, from some fixed instant. */
export function realNow(): number {
  return now()
}

/** Calls back after so many milliseconds of real time. `idle` timers do not keep a process alive. */
export function afterRealTime(
  ms: number,
  callback: () => void,
  { idle = false }: { readonly idle?: boolean } = {},
): () => void {
  const timer = setTimeout(callback, ms)
  if (idle && typeof timer === "object") timer.unref()
  return () => clearTimeout(timer)
}

export function realPause(ms: number): Promise<void> {
  return new Promise((resolve) => void afterRealTime(ms, resolve))
}

/** Lets everything else that waits have its turn: what reads at length must not hold up who decides. */
export function othersTurn(): Promise<void> {
  return new Promise(
    (resolve) => void (setImmediate === undefined ? setTimeout(resolve, 0) : setImmediate(resolve)),
  )
}

export function onRealMicrotask(callback: () => void): void {
  queueMicrotask(callback)
}
