// Timers and the clock run a hundred times as fast, from before core takes either.
const speed = 100
const start = Date.now()
const realTimeout = globalThis.setTimeout
globalThis.setTimeout = ((callback: () => void, ms = 0) =>
  realTimeout(callback, ms / speed)) as typeof setTimeout
const { ReviewDesk, Wallet } = await import("../../src/index.ts")
const { memoryLedger } = await import("../../src/ledger/memory.ts")

const clock = { now: () => new Date(start + (Date.now() - start) * speed) }
const ledger = memoryLedger()
const wallet = await Wallet.create({ owner: "o", dailyLimit: 10, ledger, clock })
const desk = await ReviewDesk.open({ ledger, clock, reviewer: "ana" })
const minutes = (count: number) => new Promise((done) => realTimeout(done, (count * 60_000) / speed))

const call = { tool: "render", key: "k", amount: 1, to: "render.example" }
const { promise, resolve } = Promise.withResolvers<string>()
const first = wallet.govern(call, () => promise)
const second = wallet.govern(call, () => "twice")
await minutes(4)
process.stdout.write(`unknown: ${(await desk.unknown()).length}\n`)
resolve("once")
for (const outcome of await Promise.all([first, second])) {
  process.stdout.write(`${outcome.status === "done" ? outcome.result : outcome.status}\n`)
}
await wallet.close()
