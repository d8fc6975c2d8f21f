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

/** Times contenders in turn and says what one of them costs above the others. */
export async function compare(
  turns: number,
  ours: string,
  contenders: Readonly<Record<string, (turn: number) => unknown>>,
): Promise<void> {
  const samples = Object.fromEntries(Object.keys(contenders).map((name) => [name, [] as number[]]))
  for (let turn = -300; turn < turns; turn++) {
    for (const [name, run] of Object.entries(contenders)) {
      const ms = await timed(() => run(turn))
      if (turn >= 0) samples[name]?.push(ms)
    }
  }
  const p50 = Object.entries(samples).map(([name, each]) => [name, percentile(each, 0.5)] as const)
  const own = p50.find(([name]) => name === ours)?.[1] ?? Number.NaN
  const rows = p50.map(([name, ms]) => [name, micros(ms), micros(own - ms), (own / ms).toFixed(2)])
  printTable(["", "p50", `${ours} is above it by`, "times"], rows)
}
