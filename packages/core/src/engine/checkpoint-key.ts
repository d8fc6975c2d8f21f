import { defined } from "../input/defined.ts"
import type { Step } from "../ledger/ledger.ts"
import { textOfBytes, utf8 } from "../trail/bytes.ts"
import { canonicalJson } from "../trail/canonical.ts"
import { signBytes } from "../trail/ed25519.ts"
import { type CheckpointKey, publicKeyText } from "../trail/note.ts"
import { changeOf } from "./change.ts"
import { type Actor, requireOther } from "./reviewer.ts"

/** Puts the key that signs checkpoints on record; of a rotation, signed with the key before. */
export function checkpointKeyStep(
  key: string,
  previous: CheckpointKey | undefined,
  actor: Actor,
): Step<void> {
  const signed = previous === undefined ? undefined : endorsement(key, previous)
  return {
    reads: () => ({}),
    work(facts) {
      requireOther(actor, facts.head, undefined)
      const change = changeOf(facts)
      change.note("checkpoint.key", defined({ key, ...signed }), { actor })
      return { writes: change.writes(), result: undefined }
    },
  }
}

/** The key before says, by its signature over both, that this one follows. */
function endorsement(
  key: string,
  previous: CheckpointKey,
): { readonly previous: string; readonly endorsed: string } {
  const before = publicKeyText(previous)
  const text = canonicalJson({ v: 1, kind: "nornr.key_rotation", from: before, to: key }, "key")
  return { previous: before, endorsed: textOfBytes(signBytes(previous.seed, utf8(text)), "base64") }
}
