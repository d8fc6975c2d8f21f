import { RunContext, ToolTimeoutError, tool } from "@openai/agents"
import type { AnyFunctionTool, CallDetails } from "./types.ts"

/** Arguments as a tool gets them; undefined where its schema refuses them. */
export type Parsed = { readonly value: unknown } | undefined

/**
 * The arguments as a tool gets them, from the text that the model wrote. The SDK keeps a tool's schema to itself, but
 * what `tool()` makes tells its caller what it has parsed before it executes: there it is stopped. A tool that is
 * made by hand is given no schema here, and gets the JSON as it is.
 */
export async function parseArgs(parsing: AnyFunctionTool, text: string): Promise<Parsed> {
  const hook = await parsedHook()
  if (hook === undefined || String(parsing.invoke) !== hook.source) return { value: jsonOr(text) }
  return stopParsed(parsing, text, hook.name)
}

/** `details` under which a tool whose schema refuses its arguments says so, and never executes. */
export async function onlyParsing(details: CallDetails): Promise<CallDetails> {
  const hook = await parsedHook()
  const stop = () => {
    throw new Error("The arguments were refused before.")
  }
  return { ...details, ...(hook && { [hook.name]: stop }) }
}

async function stopParsed(parsing: AnyFunctionTool, text: string, hook: symbol): Promise<Parsed> {
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
  await parsing.invoke(new RunContext(), text, details as CallDetails).catch(() => undefined)
  return parsed
}

interface Hook {
  readonly name: symbol
  /** Of every `invoke` that this copy of the SDK makes. */
  readonly source: string
}

let known: Promise<Hook | undefined> | undefined

/** Under which name the SDK asks what to tell of parsed arguments; undefined where it does not stop there. */
function parsedHook(): Promise<Hook | undefined> {
  known ??= findHook()
  return known
}

async function findHook(): Promise<Hook | undefined> {
  const asked: (string | symbol)[] = []
  const listening = new Proxy({}, { get: (_, name) => void asked.push(name) })
  await probe(() => undefined).invoke(new RunContext(), "{}", listening)
  const name = asked.find((each) => /ParsedInputCallback$/.test((each as symbol).description ?? ""))
  if (typeof name !== "symbol") return undefined
  let ran = false
  const stopped = probe(() => {
    ran = true
  }, 1000)
  const parsed = await stopParsed(stopped, "{}", name)
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

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
