import { defined } from "../input/defined.ts"
import type { CompiledLimit } from "../mandate/mandate.ts"
import { formatMicros } from "../money/money.ts"
import { bucketOf } from "../spend/counters.ts"
import { isoTime } from "../time/clock.ts"
import { localTime, windowEnd } from "../time/window.ts"
import type { Reason } from "./reason.ts"

export interface Overrun {
  readonly limit: CompiledLimit
  readonly key: string
  readonly used: bigint
  readonly requested: bigint
  readonly currency: string
  readonly at: number
}

/** "Daily limit 50.00 USD: 46.00 used or held, 12.50 requested, 4.00 left until 00:00 UTC." */
export function limitReason({ limit, key, used, requested, currency, at }: Overrun): Reason {
  const left = limit.max > used ? limit.max - used : 0n
  const show = (value: bigint) => (limit.unit === "amount" ? formatMicros(value) : String(value))
  const end = limit.per === undefined ? undefined : windowEnd(limit.per, at, limit.timeZone)
  const until = end === undefined ? "" : ` until ${clockText(end, at, limit.timeZone)}`
  const more = limit.over === "queue" ? " A person may approve more." : ""
  const subject = limitSubject(limit, key, currency)
  return defined({
    code: limit.isDaily ? ("daily_limit_exceeded" as const) : ("limit_exceeded" as const),
    message: `${subject}: ${show(used)} used or held, ${show(requested)} requested, ${show(left)} left${until}.${more}`,
    limit: limit.name,
    used: show(used),
    requested: show(requested),
    remaining: show(left),
    resetsAt: end === undefined ? undefined : isoTime(end),
  })
}

function limitSubject(limit: CompiledLimit, key: string, currency: string): string {
  const max = limit.unit === "amount" ? `${formatMicros(limit.max)} ${currency}` : `${limit.max}`
  const own = limit.isDescribed ? "" : ` ${max}`
  const name = limit.isDaily ? "Daily limit" : `Limit "${limit.name}"`
  const bucket = limit.by === undefined ? "" : ` for ${limit.by} ${bucketOf(key) ?? "(none given)"}`
  const agent = limit.agent === undefined ? "" : ` of agent ${limit.agent}`
  return `${name}${own}${agent}${bucket}`
}

/** The time alone within a day, else with its date; in the zone of the mandate. */
function clockText(instant: number, now: number, timeZone: string): string {
  const text = localTime(instant, timeZone)
  return `${instant - now <= 86_400_000 ? text.slice(11) : text} ${timeZone}`
}
