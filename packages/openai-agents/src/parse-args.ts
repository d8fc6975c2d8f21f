import { ModelBehaviorError, RunContext, ToolTimeoutError, tool } from "@openai/agents"
import type { AnyFunctionTool, CallDetails } from "./types.ts"

/** Arguments as a tool gets them; undefined where its schema refuses them. */
export type Parsed = { readonly value: unknown } | undefined

/**
 * The arguments as a tool gets them, from the text that the model wrote. The SDK keeps a tool's schema to itself, but
 * what `tool()` makes tells its caller what it has parsed before it executes: there it is stopped. A tool that is
 * made by hand or by another copy of the SDK, or whose `invoke` was replaced, would not stop there: its arguments are
 * the JSON as it is.
 */
export async function parseArgs(parsing: AnyFunctionTool, text: string): Promise<Parsed> {
  const hook = await hookOf(parsing)
  if (hook === undefined) return { value: jsonOr(text) }
  const { parsed, thrown } = await stopParsed(parsing, text, hook)
  if (parsed !== undefined || thrown instanceof ModelBehaviorError) return parsed
  return { value: jsonOr(text) }
}

/** `details` under which a tool whose schema refuses its arguments says so, and never executes. */
export async function onlyParsing(parsing: AnyFunctionTool, details: CallDetails): Promise<CallDetails> {
  const hook = await hookOf(parsing)
  const stop = () => {
    throw new Error("The arguments were refused before.")
  }
  return hook === undefined ? details : detailsWith(details, { [hook]: stop })
}

/** The same `details` with something else in them: the SDK keeps more there than it shows. */
export function detailsWith(details: CallDetails, own: object): CallDetails {
  const given = details ?? {}
  return Object.create(Object.getPrototypeOf(given), {
    ...Object.getOwnPropertyDescriptors(given),
    ...Object.getOwnPropertyDescriptors(own),
  })
}

/**
 * `details` under which the tool executes with these arguments alone: a schema may make others of the same text each
 * time (a clock, a default that counts).
 */
export async function onlyWith(
  args: unknown,
  parsing: AnyFunctionTool,
  details: CallDetails,
): Promise<{ readonly details: CallDetails; differs(): boolean }> {
  const hook = await hookOf(parsing)
  let isTold = false
  let differs = false
  if (hook === undefined) return { details, differs: () => differs }
  const { [hook]: tell } = (details ?? {}) as Record<symbol, ((value: unknown) => void) | undefined>
  // The tool tells of its own arguments first; then it may hand `details` on to tools that it calls.
  const check = (value: unknown) => {
    differs ||= !isTold && !isSame(value, args)
    isTold = true
    if (differs) throw new Error("The schema has made other arguments than were decided.")
    tell?.(value)
  }
  return { details: detailsWith(details, { [hook]: check }), differs: () => differs }
}

function isSame(one: unknown, other: unknown): boolean {
  const util = globalThis.process?.getBuiltinModule?.("node:util")
  if (util !== undefined) return util.isDeepStrictEqual(one, other)
  try {
    return JSON.stringify(one) === JSON.stringify(other)
  } catch {
    return false
  }
}

interface Stopped {
  readonly parsed: Parsed
  readonly thrown: unknown
}

async function stopParsed(parsing: AnyFunctionTool, text: string, hook: symbol): Promise<Stopped> {
  // The SDK hands on as it is what a tool throws after its time is over: no function for errors sees it.
  const over = new ToolTimeoutError({ toolName: parsing.name, timeoutMs: 0 })
  let parsed: Parsed
  const details = {
    signal: AbortSignal.abort(over),
    [hook](value: unknown) {
      parsed = { value }
      throw over
    },
  }
  try {
    await parsing.invoke(new RunContext(), text, details as CallDetails)
    return { parsed, thrown: undefined }
  } catch (thrown) {
    return { parsed, thrown }
  }
}

const hooks = new WeakMap<object, Promise<symbol | undefined>>()

/** Under which name the tool asks what to tell of its arguments; undefined where it may not stop there. */
function hookOf(parsing: AnyFunctionTool): Promise<symbol | undefined> {
  const { invoke } = parsing
  const known = hooks.get(invoke) ?? findHook(parsing)
  hooks.set(invoke, known)
  return known
}

/**
 * It stops for certain where this copy of the SDK has made it: its `invoke` reads as one that was tried, and refuses
 * what is no JSON with an error of this copy's own class.
 */
async function findHook(parsing: AnyFunctionTool): Promise<symbol | undefined> {
  tried ??= tryOne()
  const { name, source } = (await tried) ?? {}
  if (name === undefined || String(parsing.invoke) !== source || typeof parsing.parameters !== "object")
    return undefined
  const { thrown } = await stopParsed(parsing, "no JSON", name)
  return thrown instanceof ModelBehaviorError ? name : undefined
}

let tried: Promise<{ readonly name: symbol; readonly source: string } | undefined> | undefined

/** Finds the name with a tool that does nothing, and tries whether it stops one, with a timeout, too. */
async function tryOne(): Promise<{ readonly name: symbol; readonly source: string } | undefined> {
  const asked: (string | symbol)[] = []
  const listening = new Proxy({}, { get: (_, name) => void asked.push(name) })
  await probe(() => undefined).invoke(new RunContext(), "{}", listening)
  const name = asked.find((each) => /ParsedInputCallback$/.test((each as symbol).description ?? ""))
  if (typeof name !== "symbol") return undefined
  let ran = false
  const stopped = probe(() => {
    ran = true
  }, 1000)
  const { parsed } = await stopParsed(stopped, "{}", name)
  return ran || parsed === undefined ? undefined : { name, source: String(stopped.invoke) }
}

function probe(execute: () => void, timeoutMs?: number): AnyFunctionTool {
  const parameters = {
    type: "object" as const,
    properties: {},
    required: [],
    additionalProperties: true as const,
  }
  return tool({
    name: "probe",
    description: "",
    strict: false,
    parameters,
    execute,
    ...(timeoutMs && { timeoutMs }),
  })
}

/** JSON, or the text where it is none. */
export function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
