import { NornrError } from "../error/nornr-error.ts"
import { defined } from "../input/defined.ts"
import type { Step } from "../ledger/ledger.ts"
import { isSameEvidence, type ParsedEvidence } from "../spend/evidence.ts"
import type { Ended, Spend } from "../spend/spend.ts"
import { isoTime } from "../time/clock.ts"
import { type Change, changeOf } from "./change.ts"
import { requireSpend } from "./lookup.ts"
import { type Actor, requireOther } from "./reviewer.ts"

/** How much one decision may carry. */
const most = 100

/** Who attaches it: a wallet (of one agent, its own decisions), or a reviewer. */
export type Attacher = { readonly caller: string | undefined } | { readonly actor: Actor }

/** Attaches evidence to a decision, in whatever state; the same again changes nothing. */
export function attachStep(id: string, evidence: ParsedEvidence, by: Attacher): Step<Ended> {
  return {
    reads: () => ({ ids: [id] }),
    work(facts) {
      const spend = requireSpend(facts, id, "caller" in by ? by.caller : undefined)
      if ("actor" in by) requireOther(by.actor, facts.head, spend.run.agent)
      if (isKnown(spend, evidence)) {
        return { result: { spend, replayed: true } }
      }
      if ((spend.evidence?.length ?? 0) >= most) throw tooMuch(id)
      const change = changeOf(facts)
      const result = {
        spend: attach(spend, evidence, change, "actor" in by ? by.actor : undefined),
        replayed: false,
      }
      return { result, writes: change.writes() }
    },
  }
}

/** As part of a change that has more to it. */
export function attachAll(spend: Spend, evidence: readonly ParsedEvidence[], change: Change): Spend {
  const room = most - (spend.evidence?.length ?? 0)
  return evidence
    .filter((each) => !isKnown(spend, each))
    .slice(0, room)
    .reduce((after, each) => attach(after, each, change), spend)
}

/** The same again; what comes with a note says something new. */
function isKnown({ evidence }: Spend, given: ParsedEvidence): boolean {
  return given.note === undefined && evidence?.some((each) => isSameEvidence(each, given)) === true
}

function attach(spend: Spend, { note, ...evidence }: ParsedEvidence, change: Change, actor?: Actor): Spend {
  const attached = [...(spend.evidence ?? []), { ...evidence, at: isoTime(change.at) }]
  const data = defined({ decision: spend.id, ...evidence })
  return change.put(spend, { ...spend, evidence: attached }, "evidence.attached", data, {
    ...(actor === undefined ? {} : { actor }),
    remark: note,
  })
}

function tooMuch(id: string): NornrError {
  const remedy = "Attach one that lists the others, such as the digest of an archive."
  return new NornrError("state_conflict", `Decision ${id} carries ${most} pieces of evidence.`, { remedy })
}
