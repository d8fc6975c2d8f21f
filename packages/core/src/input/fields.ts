import type { ErrorCode } from "../error/codes.ts"
import { NornrError } from "../error/nornr-error.ts"
import { show } from "./show.ts"

/** Reads untrusted objects field by field; every complaint names the field, the value and the remedy. */
export interface Fields {
  get(name: string): unknown
  /** Text of 1 to `max` UTF-16 units without control characters or lone surrogates. */
  text(name: string, max: number): string | undefined
  integer(name: string, min: number, max: number): number | undefined
  oneOf<T extends string>(name: string, choices: readonly T[]): T | undefined
  signal(name: string): AbortSignal | undefined
  flag(name: string): boolean | undefined
  /** Throws a complaint about a field. */
  refuse(name: string, value: unknown, remedy: string): never
}

interface Source {
  /** What the object is called in messages, such as `limits[2]`; empty for the outermost. */
  readonly path: string
  /** What the outermost object is called. */
  readonly what?: string
  readonly code: ErrorCode
  readonly allowed: readonly string[]
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const controls = /[\u0000-\u001f\u007f-\u009f]/

/** A name as it is compared: without outer white space, composed (NFC). */
export function asName<T extends string | undefined>(name: T): T {
  return name?.trim().normalize("NFC") as T
}

export function fieldsOf(input: unknown, { path, what, code, allowed }: Source): Fields {
  const at = (name: string) => (path === "" ? name : `${path}.${name}`)
  const refuse = (name: string, value: unknown, remedy: string): never => {
    throw new NornrError(code, `${at(name)} is ${show(value)}.`, { remedy })
  }
  const object = plainObject(input, path || (what ?? "The argument"), { code, allowed })
  const unknownName = Object.keys(object).find((name) => !allowed.includes(name))
  if (unknownName !== undefined) {
    const remedy = `Known names: ${allowed.join(", ")}.`
    throw new NornrError(code, `${at(show(unknownName).slice(1, -1))} is not a known name.`, { remedy })
  }
  const inherited = hasOwnFieldsOnly(object)
    ? undefined
    : allowed.find((name) => name in object && !Object.hasOwn(object, name))
  if (inherited !== undefined) refuse(inherited, "inherited", "Pass a plain object with fields of its own.")
  const get = (name: string): unknown => (Object.hasOwn(object, name) ? object[name] : undefined)
  return {
    get,
    refuse,
    text(name, max) {
      const value = get(name)
      return value === undefined ? undefined : checkText(value, max, (remedy) => refuse(name, value, remedy))
    },
    integer(name, min, max) {
      const value = get(name)
      if (value === undefined) return undefined
      if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max)
        return value
      return refuse(name, value, `Use a whole number from ${min} to ${max}.`)
    },
    flag(name) {
      const value = get(name)
      return value === undefined || typeof value === "boolean"
        ? value
        : refuse(name, value, "Use true or false.")
    },
    signal(name) {
      const value = get(name)
      if (value === undefined || value instanceof AbortSignal) return value
      return refuse(name, value, "Pass the signal of an AbortController.")
    },
    oneOf(name, choices) {
      const value = get(name)
      if (value === undefined) return undefined
      const choice = choices.find((each) => each === value)
      return choice ?? refuse(name, value, `Use one of: ${choices.join(", ")}.`)
    },
  }
}

/** Checks text as `Fields.text` does and calls `refuse` with the remedy where it does not fit. */
export function checkText(value: unknown, max: number, refuse: (remedy: string) => never): string {
  if (typeof value !== "string") return refuse("Use a string.")
  if (value.trim() === "") return refuse("Use a string that is not empty.")
  if (value.length > max) return refuse(`Use at most ${max} characters; this has ${value.length}.`)
  if (controls.test(value)) return refuse("Remove the control characters.")
  if (!value.isWellFormed()) return refuse("Remove the lone surrogates: it is not valid Unicode.")
  return value
}

function hasOwnFieldsOnly(object: object): boolean {
  const prototype = Object.getPrototypeOf(object)
  return prototype === Object.prototype || prototype === null
}

function plainObject(
  input: unknown,
  name: string,
  { code, allowed }: Pick<Source, "code" | "allowed">,
): Readonly<Record<string, unknown>> {
  if (typeof input === "object" && input !== null && !Array.isArray(input)) {
    return input as Record<string, unknown>
  }
  const such = allowed.length === 0 ? "" : `, such as { ${allowed.slice(0, 2).join(", ")} }`
  throw new NornrError(code, `${name} is ${show(input)}.`, {
    remedy: `Pass an object of named fields${such}.`,
  })
}
