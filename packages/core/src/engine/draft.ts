import { defined } from "../input/defined.ts"
import type { ParsedIntent } from "../intent/intent.ts"
import { disclosure } from "../trail/digest.ts"
import { newId } from "../trail/id.ts"
import type { Ask } from "./ask.ts"

/** An ask with the ids and salts that must be drawn before the commit. */
export function draftAsk(
  intent: ParsedIntent,
  now: number,
  { binding, governed }: Pick<Ask, "binding" | "governed">,
): Ask {
  const { args, purpose } = intent
  const texts = defined({
    purpose: disclosure(purpose),
    args: args === undefined ? undefined : disclosure(args),
  })
  return { intent, id: newId("dec", now), approvalId: newId("apr", now), texts, binding, governed }
}
