import type { Intent, MandateTerms } from "../src/index.ts"

/** Many asks for one budget, and what must come of them however they interleave. */
export interface Race {
  readonly name: string
  readonly terms: MandateTerms
  readonly intents: readonly Intent[]
  /** How many are approved; undefined where only the sum is fixed. */
  readonly approvals?: number
  /** What the approvals cost at most and at least, USD. */
  readonly most: number
  readonly least?: number
}

const hundred = Array.from({ length: 100 }, (_, index) => index)

export const races: readonly Race[] = [
  {
    name: "one limit",
    terms: { limits: [{ amount: 10 }] },
    intents: hundred.map(() => ({ amount: 1, to: "openai" })),
    approvals: 10,
    most: 10,
  },
  {
    name: "one limit for each counterparty",
    terms: { limits: [{ amount: 3, by: "counterparty" }] },
    intents: hundred.map((index) => ({ amount: 1, to: `vendor-${index % 4}` })),
    approvals: 12,
    most: 12,
  },
  {
    name: "agents of a team",
    terms: { limits: [{ amount: 10 }, { amount: 4, by: "agent" }] },
    intents: hundred.map((index) => ({ amount: 1, to: "openai", run: { agent: `agent-${index % 3}` } })),
    approvals: 10,
    most: 10,
  },
  {
    name: "mixed amounts",
    terms: { limits: [{ amount: 10 }] },
    intents: hundred.map((index) => ({ amount: (index % 7) * 0.37, to: "openai" })),
    most: 10,
    least: 10 - 6 * 0.37,
  },
  {
    name: "counts",
    terms: {
      limits: [{ count: 7 }, { count: 4, by: "tool" }],
    },
    intents: hundred.map((index) => ({
      amount: 5,
      to: "openai",
      tool: index % 2 === 0 ? "search" : "order",
    })),
    approvals: 7,
    most: 35,
  },
]
