import { NornrError } from "../error/nornr-error.ts"
import type { Step } from "../ledger/ledger.ts"
import { isFinal } from "../spend/machine.ts"
import type { Ended, Spend, SpendTexts } from "../spend/spend.ts"
import { type Sealed, sealedDigest } from "../trail/digest.ts"
import { changeOf, type Told } from "./change.ts"
import { requireSpend } from "./lookup.ts"
import { requireOther } from "./reviewer.ts"

/** Texts that can be deleted from a decision that has ended; `remarks` are what reviewers said of their acts. */
export const redactable = ["purpose", "args", "comment", "result", "error", "remarks"] as const

export type Redactable = (typeof redactable)[number]

/** Deletes texts for good and puts on record who did; the trail has their digests and verifies as before. */
export function redactStep(id: string, names: readonly Redactable[], told: Told): Step<Ended> {
  return {
    reads: () => ({ ids: [id] }),
    work(facts) {
      const spend = requireSpend(facts, id)
      requireOther(told.actor, facts.head, spend.run.agent)
      if (!isFinal(spend.state)) throw notEnded(spend)
      const change = changeOf(facts)
      change.redact(names.includes("remarks") ? [id] : [])
      const after = { ...spend, texts: redacted(spend.texts ?? {}, names) }
      const data = { decision: id, names: [...names].sort() }
      const result = { spend: change.put(spend, after, "texts.redacted", data, told), replayed: false }
      return { result, writes: change.writes() }
    },
  }
}

/** The digest alone: with the salt, a value could be guessed. */
export function withoutValue(name: string, sealed: Sealed): Sealed {
  return { digest: sealedDigest(name, sealed) }
}

/** Of a result or an error the digest stays: a replay says that it is not kept, not that there was none. */
function redacted(texts: SpendTexts, names: readonly Redactable[]): SpendTexts {
  const left: Partial<Record<Redactable, Sealed>> = {}
  for (const [name, sealed] of Object.entries(texts) as [Redactable, Sealed][]) {
    if (!names.includes(name)) left[name] = sealed
    else if (name === "result" || name === "error") left[name] = withoutValue(name, sealed)
  }
  return left as SpendTexts
}

function notEnded({ id }: Spend): NornrError {
  const remedy = "Reject, settle or release it first: until then its texts are what is reviewed and replayed."
  return new NornrError("state_conflict", `Decision ${id} has not ended.`, { remedy })
}
