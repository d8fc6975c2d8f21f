/** Milliseconds of each run, sorted. */
export type Samples = readonly number[]

export function percentile(samples: Samples, share: number): number {
  const sorted = [...samples].sort((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const micros = (ms: number): string => `${Math.round(ms * 1000)}`

export async function timed(run: () => unknown): Promise<number> {
  const start = performance.now()
  await run()
  return performance.now() - start
}

/** Runs a call over and over by so many callers at once; gives calls a second. */
export async function throughput(
  callers: number,
  total: number,
  call: (index: number) => Promise<unknown>,
): Promise<number> {
  let next = 0
  const caller = async () => {
    while (next < total) await call(next++)
  }
  const ms = await timed(() => Promise.all(Array.from({ length: callers }, caller)))
  return (total / ms) * 1000
}

export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`| ${header.join(" | ")} |`)
  console.log(`|${header.map(() => "---").join("|")}|`)
  for (const row of rows) console.log(`| ${row.join(" | ")} |`)
  console.log()
}
