import assert from "node:assert/strict"
import fc from "fast-check"
import { Temporal } from "temporal-polyfill"
import { describe, test } from "vitest"
import { localHour, type Period, periods, windowEnd, windowKey } from "./window.ts"

const zones = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Asia/Kolkata",
  "Australia/Lord_Howe",
  "America/Sao_Paulo",
  "Pacific/Apia",
]

/** The same windows by Temporal's calendar. */
function expected(
  period: Period,
  at: number,
  zone: string,
): { readonly start: number; readonly end: number } {
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone)
  const first = {
    hour: () => local.round({ smallestUnit: "hour", roundingMode: "floor" }),
    day: () => local.startOfDay(),
    week: () => local.subtract({ days: local.dayOfWeek - 1 }).startOfDay(),
    month: () => local.with({ day: 1 }).startOfDay(),
  }[period]()
  const next = { hour: { hours: 1 }, day: { days: 1 }, week: { days: 7 }, month: { months: 1 } }[period]
  const end = period === "hour" ? first.add(next) : first.add(next).startOfDay()
  return { start: first.epochMilliseconds, end: end.epochMilliseconds }
}

describe("windows", () => {
  test("end when Temporal says that the period ends, in every zone", () => {
    const instant = fc.integer({
      min: Date.parse("2000-01-01T00:00:00Z"),
      max: Date.parse("2040-01-01T00:00:00Z"),
    })
    fc.assert(
      fc.property(instant, fc.constantFrom(...zones), fc.constantFrom(...periods), (at, zone, period) => {
        const { start, end } = expected(period, at, zone)
        if (period === "hour" && (end - start !== 3_600_000 || at < start)) return // a half-hour shift of the clock
        assert.equal(windowEnd(period, at, zone), end)
        assert.equal(windowKey(period, start, zone), windowKey(period, end - 1, zone))
        assert.notEqual(windowKey(period, end, zone), windowKey(period, at, zone))
      }),
      { numRuns: 1000 },
    )
  })

  test("are named after ISO 8601", () => {
    const at = Date.parse("2026-11-22T23:30:00Z")
    assert.equal(windowKey("hour", at, "UTC"), "2026-11-22T23+00:00")
    assert.equal(windowKey("day", at, "Europe/Berlin"), "2026-11-23")
    assert.equal(windowKey("week", at, "UTC"), "2026-W47")
    assert.equal(windowKey("week", Date.parse("2027-01-01T12:00:00Z"), "UTC"), "2026-W53")
    assert.equal(windowKey("month", at, "UTC"), "2026-11")
  })

  test("tell the two hours apart that the end of daylight saving makes of one", () => {
    const first = Date.parse("2026-10-25T00:30:00Z")
    const second = Date.parse("2026-10-25T01:30:00Z")
    assert.equal(windowKey("hour", first, "Europe/Berlin"), "2026-10-25T02+02:00")
    assert.equal(windowKey("hour", second, "Europe/Berlin"), "2026-10-25T02+01:00")
    assert.equal(windowKey("day", first, "Europe/Berlin"), windowKey("day", second, "Europe/Berlin"))
  })

  test("of a day with 23 and with 25 hours last as long", () => {
    const spring = Date.parse("2026-03-28T23:00:00Z")
    assert.equal(windowEnd("day", spring, "Europe/Berlin") - spring, 23 * 3_600_000)
    const autumn = Date.parse("2026-10-24T22:00:00Z")
    assert.equal(windowEnd("day", autumn, "Europe/Berlin") - autumn, 25 * 3_600_000)
  })

  test("tell hour and weekday in the zone", () => {
    const sunday = Date.parse("2026-11-22T23:30:00Z")
    assert.deepEqual(localHour(sunday, "UTC"), { hour: 23, weekday: 7 })
    assert.deepEqual(localHour(sunday, "Europe/Berlin"), { hour: 0, weekday: 1 })
  })
})
