import type { Ledger } from "../src/ledger/ledger.ts"

/** What a commit that writes such an event is about, while it is not durable yet and once it is. */
const steps: Readonly<Record<string, readonly [string, string]>> = {
  "decision.made": ["asking", "asked"],
  "spend.claimed": ["claiming", "claimed"],
  "spend.settled": ["settling", "settled"],
}

/** A ledger that tells which step a commit is at. */
export function hookedLedger(ledger: Ledger, reach: (step: string) => void): Ledger {
  const hooked: Ledger = Object.create(ledger) as Ledger
  Object.assign(hooked, { name: ledger.name, secret: ledger.secret })
  for (const name of [
    ...(["read", "events", "wallets", "forget", "watch", "snapshot", "growTree", "keepCheckpoint"] as const),
    "close" as const,
  ]) {
    Object.assign(hooked, { [name]: ledger[name].bind(ledger) })
  }
  hooked.commit = async (entries, clock) => {
    const written: string[] = []
    const watched = entries.map(({ wallet, step }) => ({
      wallet,
      step: {
        ...step,
        work(facts: Parameters<typeof step.work>[0]) {
          const done = step.work(facts)
          for (const { body } of done.writes?.events ?? [])
            written.push((JSON.parse(body) as { type: string }).type)
          for (const type of written) if (steps[type] !== undefined) reach(steps[type][0])
          return done
        },
      },
    }))
    const settled = await ledger.commit(watched, clock)
    for (const type of written) if (steps[type] !== undefined) reach(steps[type][1])
    return settled
  }
  return hooked
}
