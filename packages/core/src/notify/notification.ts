import type { Decision } from "../spend/decision.ts"
import type { LimitBalance } from "../wallet/balance.ts"

interface Told {
  /** The same for the same news, in every process that tells it: wallet, position or counter, kind. */
  readonly id: string
  /** ISO 8601 UTC. */
  readonly at: string
  readonly wallet: string
}

/** What a wallet tells of, by kind. The decision is as it is when it is told. */
export interface Notifications {
  /** It waits for a reviewer. */
  readonly queued: Told & { readonly kind: "queued"; readonly decision: Decision }
  /** It was approved, rejected or canceled, or it expired. */
  readonly resolved: Told & { readonly kind: "resolved"; readonly decision: Decision }
  /** It cost more than was held, by this much. */
  readonly overage: Told & { readonly kind: "overage"; readonly decision: Decision; readonly amount: string }
  /** Nobody can say what became of it; its amount stays held until the desk decides. */
  readonly unknown: Told & { readonly kind: "unknown"; readonly decision: Decision }
  /** So many per cent of a limit are used or held: told once at 80 and once at 95 in its window, at 95 alone where it passes both. */
  readonly nearing: Told & {
    readonly kind: "nearing"
    readonly percent: 80 | 95
    readonly limit: LimitBalance
  }
}

/** What a wallet tells of. */
export type NotificationKind = keyof Notifications

/** One thing that a wallet tells; `kind` says which. */
export type Notification = Notifications[NotificationKind]

export const notificationKinds: readonly NotificationKind[] = [
  ...(["queued", "resolved", "overage", "unknown", "nearing"] as const),
]
