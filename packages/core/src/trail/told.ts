import { defined } from "../input/defined.ts"
import type { StoredSpend } from "../ledger/ledger.ts"
import { parseMicros } from "../money/money.ts"
import type { Reason } from "../policy/reason.ts"
import { isFinal, type SpendState } from "../spend/machine.ts"
import type { Spend } from "../spend/spend.ts"
import { isoTime } from "../time/clock.ts"
import { canonicalJson, type Json } from "./canonical.ts"
import { type Sealed, sealedDigest, sha256 } from "./digest.ts"
import type { TrailEvent } from "./event.ts"
import type { Shape } from "./scratch.ts"

/** A spend as its events tell it. */
export interface Told {
  readonly id: string
  readonly amount: bigint
  readonly currency: string
  readonly to: string
  readonly tags: Readonly<Record<string, string>>
  readonly run: Spend["run"]
  readonly askedAt: number
  readonly governed: boolean
  readonly binding: string | undefined
  readonly mandate: Readonly<Record<string, string | number>>
  readonly digests: Record<string, string>
  receipt: Spend["receipt"]
  state: SpendState
  spent: bigint
  key: string | undefined
  due: string | undefined
  /** When the approval that it was claimed under would have expired. */
  claimBy: string | undefined
  adjusted: boolean
  reasons: readonly string[]
  /** The hash of the reasons of the ask, what people read of them too; how many they are, and how many stand before them. */
  readonly because: string | undefined
  readonly asked: number
  before: number
  approval: Readonly<Record<string, string>> | undefined
  fence: number | undefined
  withdrawn: boolean
  endedAt: string | undefined
  endedBy: string | undefined
  readonly previous: string | undefined
  evidence: NonNullable<Spend["evidence"]>
}

type Stored = Omit<Told, "amount" | "spent"> & { readonly amount: string; readonly spent: string }

export const toldShape: Shape<Told> = {
  encode: (told) => JSON.stringify({ ...told, amount: String(told.amount), spent: String(told.spent) }),
  decode(text) {
    const { amount, spent, ...told } = JSON.parse(text) as Stored
    return { ...told, amount: BigInt(amount), spent: BigInt(spent) }
  },
}

/** What the next event makes of a spend. */
export function retell(spend: Told, { type, data, at, seq, hash }: TrailEvent): void {
  if (type === "spend.overage") return
  spend.receipt = { seq, hash }
  Object.assign(spend.digests, digestsIn(data))
  if (type === "evidence.attached") {
    const { kind = "", url, digest } = data as Readonly<Record<string, string>>
    spend.evidence = [...spend.evidence, defined({ kind, url, digest, at })]
    return
  }
  if (type === "approval.resolved") return resolve(spend, data, at)
  if (type === "spend.claimed") {
    spend.fence = Number(data["fence"])
    spend.claimBy = spend.due
  }
  spend.adjusted ||= type === "spend.adjusted"
  if (type === "spend.settled") {
    const cost = parseMicros(data["cost"], "cost")
    if (cost > spend.spent) spend.spent = cost
  }
  if (type === "spend.late_outcome") spend.spent += parseMicros(data["counted"], "counted")
  if (type === "spend.adjusted") spend.spent = parseMicros(data["to"], "to")
  spend.reasons = [...spend.reasons, ...((data["reasons"] ?? []) as readonly string[])]
  const state = Object.hasOwn(stateAfter, type) ? stateAfter[type] : undefined
  if (state === undefined) return
  spend.state = state
  spend.due = text(data["due"])
  spend.withdrawn ||= data["withdrawn"] === true
  if (!isFinal(state) || type === "spend.adjusted") return
  spend.endedAt = at
  spend.endedBy = text(data["by"])
}

export function digestsIn({
  purpose,
  args,
  comment,
  result,
  error,
}: TrailEvent["data"]): Record<string, string> {
  const texts = { purpose, args, comment, result, error }
  const given = Object.entries(texts).filter(([, value]) => typeof value === "string")
  return Object.fromEntries(given) as Record<string, string>
}

const stateAfter: Readonly<Partial<Record<TrailEvent["type"], SpendState>>> = {
  "spend.claimed": "running",
  "spend.returned": "approved",
  "spend.adjusted": "settled",
  "spend.settled": "settled",
  "spend.released": "released",
  "spend.failed": "failed",
  "spend.unknown": "unknown",
}

const reasonAfter: Readonly<Record<string, string>> = {
  rejected: "review_rejected",
  expired: "approval_expired",
  canceled: "canceled",
}

function resolve(spend: Told, data: TrailEvent["data"], at: string): void {
  const state = String(data["state"])
  const by = text(data["by"])
  if (spend.approval !== undefined && state !== "refused") {
    const { id = "", expiresAt = "" } = spend.approval
    const signature = text(data["signature"])
    spend.approval = defined({ id, state, at, expiresAt, by, signature }) as Record<string, string>
  }
  spend.state = state === "approved" ? "approved" : "rejected"
  spend.due = text(data["due"])
  if (spend.state === "rejected") spend.endedAt = at
  spend.withdrawn = data["withdrawn"] === true
  const refused = (data["reasons"] ?? []) as readonly string[]
  const reason = Object.hasOwn(reasonAfter, state) ? reasonAfter[state] : undefined
  const later = reason === undefined ? refused : [reason]
  spend.reasons = [...later, ...spend.reasons]
  spend.before += later.length
}

/** Reasons with their words and numbers, which are what a reviewer decides on. */
export function hashOfReasons(reasons: readonly Reason[]): string {
  return sha256(canonicalJson(reasons, "reasons"))
}

/** Texts must be those that the events took digests of. They may be gone, but for what is asked until it has ended. */
function digestsOf({ texts, state }: Spend, told: Told): Record<string, string> {
  const present = Object.entries(texts ?? {}) as readonly (readonly [string, Sealed])[]
  const digests = present.map(([name, sealed]) => [name, sealedDigest(name, sealed)])
  return {
    ...(isFinal(state) ? told.digests : outcomesIn(told.digests)),
    ...(Object.fromEntries(digests) as Record<string, string>),
  }
}

/** Another run may have taken their place, of which nothing could be kept. */
function outcomesIn({ purpose: _purpose, args: _args, ...outcomes }: Record<string, string>) {
  return outcomes
}

function asTold(spend: Spend, told: Told): Told {
  const { id, amount, currency, to, tags, run, askedAt, governed, binding, state, spent, key, mandate } =
    spend
  const { due, claimBy, reasons, approval, receipt, fence, withdrawn, endedAt, endedBy, previous } = spend
  const time = (ms: number | undefined) => (ms === undefined ? undefined : isoTime(ms))
  const { before, asked, because } = told
  return {
    ...{ id, amount, currency, to, tags, run, askedAt, governed, binding, state, spent, key, receipt, fence },
    mandate: defined({ ...mandate }) as Told["mandate"],
    digests: digestsOf(spend, told),
    due: state === "running" ? undefined : time(due),
    claimBy: state === "running" ? time(claimBy) : told.claimBy,
    adjusted: spend.adjusted === true,
    endedAt: time(endedAt),
    endedBy,
    previous,
    evidence: spend.evidence ?? [],
    withdrawn: withdrawn === true,
    reasons: reasons.map(({ code }) => code),
    because: because && hashOfReasons(reasons.slice(before, before + asked)),
    ...{ before, asked },
    approval:
      approval && defined({ ...approval, at: time(approval.at), expiresAt: isoTime(approval.expiresAt) }),
  }
}

/** A row that cannot even be read as a spend is not as told. */
export function isTold(stored: StoredSpend, told: Told): boolean {
  try {
    return isSame(told, asTold(stored.read(), told))
  } catch {
    return false
  }
}

/** As JSON is the same: a field that is undefined is absent. */
function isSame(left: unknown, right: unknown): boolean {
  if (left === right) return true
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false
  if (Array.isArray(left) !== Array.isArray(right)) return false
  const [one, other] = [left, right] as Record<string, unknown>[]
  for (const name in one) if (!isSame(one[name], other?.[name])) return false
  for (const name in other) if (other[name] !== undefined && one?.[name] === undefined) return false
  return true
}

export function text(value: Json | undefined): string | undefined {
  return typeof value === "string" ? value : undefined
}
