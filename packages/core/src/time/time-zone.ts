import { NornrError } from "../error/nornr-error.ts"
import { show } from "../input/show.ts"

/**
 * The canonical name of an IANA time zone.
 * @throws {NornrError} `invalid_mandate`
 */
export function parseTimeZone(value: unknown, field: string): string {
  try {
    if (typeof value === "string" && value.length <= 64) {
      return new Intl.DateTimeFormat("en-US", { timeZone: value }).resolvedOptions().timeZone
    }
  } catch {
    // an unknown zone is refused below, like everything that is not text
  }
  const remedy = 'Use an IANA time zone such as "UTC" or "Europe/Berlin".'
  throw new NornrError("invalid_mandate", `${field} is ${show(value)}.`, { remedy })
}
