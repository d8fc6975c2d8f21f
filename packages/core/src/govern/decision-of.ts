import type { Decision } from "../spend/decision.ts"

/** Where adapters put the decision on what their framework lets them annotate. */
const slots = ["artifact", "customData", "_meta", "response_metadata", "providerData"] as const

/** Where frameworks keep the results of a run. */
const lists = ["messages", "rawResponses", "newItems", "decisions", "update"] as const

/**
 * The decision on a framework's result, on an `Outcome`, on a `NornrError` or on a list's only result; undefined
 * where there is none.
 */
export function decisionOf(result: unknown): Decision | undefined {
  if (!isObject(result)) return undefined
  for (const slot of slots) {
    const kept = result[slot]
    if (isObject(kept) && isDecision(kept["nornr"])) return kept["nornr"]
  }
  const own = [result["nornr"], result["decision"], result].find(isDecision)
  return own as Decision | undefined
}

/** All decisions on a state, a message list or a run, in order, each once: as it stands last. */
export function decisionsOf(run: unknown): readonly Decision[] {
  const found = new Map<string, Decision>()
  collect(run, found, 0)
  return [...found.values()]
}

/** Results lie a few levels deep: a run, its state, its list, a result. */
const deepest = 5

function collect(value: unknown, found: Map<string, Decision>, depth: number): void {
  if (!isObject(value) || depth > deepest) return
  const decision = decisionOf(value)
  if (decision !== undefined) found.set(decision.id, decision)
  if (Array.isArray(value)) for (const each of value) collect(each, found, depth + 1)
  for (const list of lists) {
    const kept = value[list]
    if (!isObject(kept)) continue
    for (const each of Array.isArray(kept) ? kept : Object.values(kept)) collect(each, found, depth + 1)
  }
}

function isDecision(value: unknown): value is Decision {
  return isObject(value) && isObject(value["receipt"]) && isObject(value["execution"]) && hasText(value, "id")
}

function hasText(value: Readonly<Record<string, unknown>>, name: string): boolean {
  return typeof value[name] === "string"
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null
}
