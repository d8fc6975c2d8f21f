import { aborted } from "../engine/engine.ts"
import { requireSpend } from "../engine/lookup.ts"
import { leaseStep, pickUpStep } from "../engine/pickup.ts"
import { fieldsOf } from "../input/fields.ts"
import type { Step } from "../ledger/ledger.ts"
import { type Decision, decisionOfSpend } from "../spend/decision.ts"
import type { Spend } from "../spend/spend.ts"
import { renewing } from "../time/renewing.ts"
import { newId } from "../trail/id.ts"
import { closedError, type Session } from "./session.ts"
import { waitFor } from "./wait.ts"

/** How long a wait goes on. */
export interface WaitOptions {
  readonly signal?: AbortSignal | undefined
}

/** How often the lease of a decision that was taken up is renewed, milliseconds. */
const renewEvery = 20_000

/** @throws {NornrError} `invalid_option` */
export function parseWait(options: unknown): AbortSignal | undefined {
  return fieldsOf(options, { path: "", code: "invalid_option", allowed: ["signal"] }).signal("signal")
}

/** The decision once nobody has to review it any more. What is due is committed, so that all hear of it. */
export async function waitForDecision(
  session: Session,
  id: string,
  signal: AbortSignal | undefined,
): Promise<Decision> {
  const { engine, owner, clock } = session
  const step: Step<Spend> = {
    reads: () => ({ ids: [id] }),
    work: (facts) => ({ result: requireSpend(facts, id) }),
  }
  const look = async () => {
    const seen = await engine.read(owner, step, { asStored: true })
    const isDue = seen.state === "queued" && seen.due !== undefined && seen.due <= clock()
    const spend = isDue ? await engine.commit(owner, step) : seen
    return spend.state === "queued" ? { at: spend.due } : { found: decisionOfSpend(spend, owner) }
  }
  const found = await waitFor(session, look, signal)
  if (found !== undefined) return found
  if (signal?.aborted) throw aborted(signal, "The decision stays as it is; wait for it again.")
  throw closedError(owner)
}

/** Hands out reviewed decisions one by one, each leased to this watcher until it asks for the next. */
export async function* reviewed(
  session: Session,
  agent: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Decision, void, undefined> {
  const { engine, owner, clock } = session
  const holder = newId("wat", clock())
  const look = async () => {
    const step = pickUpStep(holder, agent)
    const seen = await engine.read(owner, step)
    const picked = seen.spend === undefined ? seen : await engine.commit(owner, step)
    return picked.spend === undefined ? { at: picked.retryAt } : { found: picked.spend }
  }
  for (;;) {
    const spend = await waitFor(session, look, signal)
    if (spend === undefined) return
    const stop = keepPickup(session, spend.id, holder)
    let isDone = false
    try {
      yield decisionOfSpend(spend, owner)
      isDone = true
    } finally {
      stop()
      const leasing = engine.commit(owner, leaseStep(spend.id, holder, isDone ? "done" : "give back"))
      // Where this fails, the lease runs out and the decision comes again.
      await leasing.catch(() => undefined)
    }
  }
}

function keepPickup({ engine, owner }: Session, id: string, holder: string): () => void {
  return renewing(renewEvery, async () => {
    await engine.commit(owner, leaseStep(id, holder, "renew"))
    return true
  })
}
