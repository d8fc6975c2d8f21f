/** Every kind of thing that verification finds, with what it means. Stable. */
export const faultKinds = {
  malformed: "It is not what should stand here.",
  edited: "The content does not have its hash: it was changed.",
  broken_link: "It does not follow from the event before it: one of the two was replaced.",
  gap: "Events are missing: they were deleted or moved.",
  out_of_order: "It was repeated, inserted or moved.",
  wrong_wallet: "It belongs to another wallet.",
  time_reversed: "It is older than the event before it.",
  receipt_mismatch: "It is not the event that a receipt was given for: the trail was rewritten.",
  receipt_missing: "Nothing stands where a receipt was given for: the tail was cut.",
  disclosure_differs: "A text is not the one that the event took the digest of.",
  malformed_checkpoint: "It is no signed checkpoint.",
  unknown_key: "No pinned key has signed the checkpoint.",
  bad_signature: "The signature of the checkpoint is not of the pinned key: it was forged.",
  root_differs: "The events are not those that the checkpoint was signed for: they were rewritten.",
  rolled_back:
    "The checkpoint covers more events than there are: an old copy was restored, or the tail was cut.",
  not_comparable: "A checkpoint that was given says nothing about an export of one wallet.",
  uncovered: "A key is pinned, and no checkpoint is there that it could have signed.",
  shrunk: "The later checkpoint covers fewer events than the earlier one.",
  proof_fails: "The proof does not lead to what was signed.",
  count_differs: "There are more or fewer events than the export was made with.",
  digest_differs: "The packet does not have its digest: it was changed.",
  group_differs: "What the packet says is not what its events say.",
  tree_differs: "The stored tree is not the tree of the events.",
  head_differs: "The head of a wallet is not the end of its trail.",
  mandate_differs: "The mandate in force is not the one that the trail records.",
  spend_differs: "A decision in the table is not as the trail records it.",
  counter_differs: "A budget's counter is not what the trail adds up to.",
} as const

/** What verification finds. Stable. */
export type FaultKind = keyof typeof faultKinds

/** One thing that verification found, and where. */
export interface Fault {
  readonly kind: FaultKind
  /** A sentence that says what it means. */
  readonly message: string
  /** Of an event: its wallet and position. */
  readonly wallet?: string
  readonly seq?: number
  /** Of a table: a decision id, a counter key, an agent; empty for the wallet itself. */
  readonly subject?: string
  /** Of an export: the number of the line, from 1; 0 for what was given beside it. */
  readonly line?: number
  /** Of a packet or proof: the part of it. */
  readonly part?: string
}

/** The first thing found, and all of them in the order they were found; of more than 1000, how many more. */
export type Unsound = Fault & {
  readonly ok: false
  readonly faults: readonly Fault[]
  readonly more: number
}

const most = 1000

/** What verification has found so far, within bounds. */
export class Faults {
  readonly #found: Fault[] = []
  #more = 0

  add(fault: Fault): void {
    if (this.#found.length < most) this.#found.push(fault)
    else this.#more++
  }

  addAll(faults: Iterable<Fault>): void {
    for (const fault of faults) this.add(fault)
  }

  /** All that another has found, of a place. */
  join(other: Faults, place: Pick<Fault, "wallet">): void {
    for (const fault of other.#found) this.add({ ...fault, ...place })
    this.#more += other.#more
  }

  get any(): boolean {
    return this.#found.length > 0
  }

  /** Undefined where nothing was found. */
  unsound(): Unsound | undefined {
    const [first] = this.#found
    return first === undefined ? undefined : { ok: false, ...first, faults: this.#found, more: this.#more }
  }
}
