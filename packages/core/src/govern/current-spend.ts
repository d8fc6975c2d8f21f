import { NornrError } from "../error/nornr-error.ts"
import type { Outcome, Ran } from "./outcome.ts"

/** The spend that the code is running under. */
export interface CurrentSpend {
  /** As it was when the tool began. */
  readonly decision: Ran
  /**
   * To pass on to the vendor: the decision's id, the same when the tool runs again for this decision, and no
   * other's. At most 64 characters.
   */
  readonly idempotencyKey: string
  /** Which run of the tool for this decision it is, from 1: more where it waited, or may run again. */
  readonly attempt: number
}

/** A run of a tool, or of a function of its terms, seen from inside it. */
export interface Frame {
  /** Of the tool that it is part of; undefined in the terms of a call that no tool makes. */
  readonly spend: CurrentSpend | undefined
  /** Whose budget and which call it is. */
  readonly ledger: object
  readonly owner: string
  readonly key: string | undefined
  readonly binding: string | undefined
  readonly outer: Frame | undefined
  /** False once the tool has ended: what it left running is no part of it any more. */
  isOpen: boolean
  /** What the same call came to inside this run: it passes straight through, once. */
  passed: Promise<Outcome<unknown>> | undefined
}

/** The run of a tool. */
export type ToolFrame = Frame & { readonly spend: CurrentSpend }

type Storage = import("node:async_hooks").AsyncLocalStorage<Frame>

/** Shared by every copy of this module in the process: a tool may import another than its wrapper. */
const storageName = Symbol.for("nornr.spends/1")

/** @throws {NornrError} `unsupported` */
function storage(): Storage {
  const holder = globalThis as unknown as Record<symbol, Storage | undefined>
  const known = holder[storageName]
  if (known !== undefined) return known
  const hooks = globalThis.process?.getBuiltinModule?.("node:async_hooks")
  if (hooks === undefined) {
    const remedy = "Run governed tools on Node.js."
    throw new NornrError("unsupported", "This runtime has no AsyncLocalStorage.", { remedy })
  }
  const made: Storage = new hooks.AsyncLocalStorage()
  holder[storageName] = made
  return made
}

/** The spend that this code runs under, in every framework; undefined outside a governed tool. */
export function currentSpend(): CurrentSpend | undefined {
  return currentFrame()?.spend
}

/** The innermost run that is not over. */
export function currentFrame(): Frame | undefined {
  const holder = globalThis as unknown as Record<symbol, Storage | undefined>
  let frame = holder[storageName]?.getStore()
  while (frame !== undefined && !isOpen(frame)) frame = frame.outer
  return frame
}

/** A pass through the run of the same call is over with that run. */
function isOpen(frame: Frame): boolean {
  const { outer } = frame
  return frame.isOpen && (outer === undefined || outer.spend !== frame.spend || isOpen(outer))
}

/** Runs a function of a call's terms, so that it is known to be part of the call. */
export async function runTerm<T>(
  { ledger, owner }: Pick<Frame, "ledger" | "owner">,
  term: () => T | PromiseLike<T>,
): Promise<T> {
  const outer = currentFrame()
  const none = { key: undefined, binding: undefined, passed: undefined }
  const frame: Frame = { ...none, spend: outer?.spend, ledger, owner, outer, isOpen: true }
  try {
    return await runInFrame(frame, async () => term())
  } finally {
    frame.isOpen = false
  }
}

export function runInFrame<T>(frame: Frame, run: () => T): T {
  return storage().run(frame, run)
}
