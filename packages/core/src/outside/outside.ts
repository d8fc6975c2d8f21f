import { NornrError } from "../error/nornr-error.ts"
import { fieldsOf } from "../input/fields.ts"

/** Somewhere outside that is told: a program, or a server. */
export type Outside =
  | {
      /** A program and its arguments, run without a shell; it reads what it is told on its standard input. */
      readonly command: readonly string[]
      readonly url?: never
    }
  | {
      /** `https:` or `http:`. */
      readonly url: string
      readonly headers?: Readonly<Record<string, string>> | undefined
      readonly command?: never
    }

/** @throws {NornrError} `invalid_option` */
export function parseOutside(input: unknown, path: string, more: readonly string[] = []): Outside {
  const fields = fieldsOf(input, {
    path,
    code: "invalid_option",
    allowed: ["command", "url", "headers", ...more],
  })
  const [command, url, headers] = [fields.get("command"), fields.text("url", 4096), fields.get("headers")]
  if (command !== undefined) {
    if (url !== undefined) fields.refuse("url", url, "Give a command or a url.")
    if (headers !== undefined) fields.refuse("headers", headers, "Only a url has headers.")
    const isText = (each: unknown) => typeof each === "string" && !each.includes("\0")
    const isCommand = Array.isArray(command) && command.every(isText) && (command[0] ?? "") !== ""
    return isCommand
      ? { command: command as readonly string[] }
      : fields.refuse("command", command, 'Pass a program and its arguments: ["notify-send", "NORNR"].')
  }
  if (url === undefined || !/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    return fields.refuse("url", url, "Use an absolute http or https URL.")
  }
  if (hasCredentials(url)) {
    const remedy = "Give them as a header: headers: { authorization: … }."
    throw new NornrError("invalid_option", `${path}.url has a user name or a password.`, { remedy })
  }
  if (headers === undefined) return { url }
  if (!areHeaders(headers)) {
    throw new NornrError("invalid_option", `${path}.headers are no texts by their names.`, {
      remedy: 'Pass an object: headers: { authorization: "…" }.',
    })
  }
  return { url, headers }
}

function hasCredentials(url: string): boolean {
  const { username, password } = new URL(url)
  return username !== "" || password !== ""
}

function areHeaders(headers: unknown): headers is Readonly<Record<string, string>> {
  if (typeof headers !== "object" || headers === null || Array.isArray(headers)) return false
  try {
    new Headers(headers as Record<string, string>)
    return Object.values(headers).every((each) => typeof each === "string")
  } catch {
    return false
  }
}
