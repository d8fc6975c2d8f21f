import { NornrError } from "../error/nornr-error.ts"
import { show } from "../input/show.ts"
import { afterRealTime } from "../time/real-timer.ts"
import type { Outside } from "./outside.ts"

/** How long a program or a server may take, milliseconds. */
const patience = 30_000

/** @throws {NornrError} `target_failed`, which never shows headers */
export async function send(
  target: Outside,
  { body, method, type }: { readonly body: string; readonly method: "POST" | "PUT"; readonly type: string },
): Promise<void> {
  if (target.command !== undefined) return runCommand(target.command, body)
  const headers = { "content-type": type, ...target.headers }
  const response = await answer(target.url, { method, headers, body })
  await response.body?.cancel()
  if (!response.ok) throw failed(target.url, `answered ${response.status}`)
}

/**
 * What a URL holds, of at most so many bytes; undefined where it holds nothing yet (HTTP 404, 405).
 * @throws {NornrError} `target_failed`
 */
export async function fetchText(
  { url, headers }: Extract<Outside, { url: string }>,
  most: number,
): Promise<string | undefined> {
  const response = await answer(url, { headers: { ...headers } })
  if (response.status === 404 || response.status === 405) {
    await response.body?.cancel()
    return undefined
  }
  if (!response.ok) throw failed(url, `answered ${response.status}`)
  const decoder = new TextDecoder()
  let [text, length] = ["", 0]
  try {
    for await (const piece of response.body ?? []) {
      length += piece.length
      if (length > most) break
      text += decoder.decode(piece, { stream: true })
    }
  } catch (cause) {
    throw failed(url, "broke off its answer", cause)
  }
  if (length > most) throw failed(url, `holds more than ${most} bytes`)
  return text + decoder.decode()
}

async function answer(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, redirect: "error", signal: AbortSignal.timeout(patience) })
  } catch (cause) {
    throw failed(url, "cannot be reached", cause)
  }
}

async function runCommand(command: readonly string[], input: string): Promise<void> {
  const [program = "", ...args] = command
  const { spawn } = globalThis.process.getBuiltinModule("node:child_process")
  const child = atOnce(program, () => spawn(program, args, { stdio: ["pipe", "ignore", "inherit"] }))
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const cancel = afterRealTime(patience, () => child.kill("SIGKILL"))
  child.on("error", (cause) => reject(failed(program, "cannot be run", cause)))
  child.on("close", (code, signal) => {
    if (code === 0) resolve()
    else reject(failed(program, `ended with ${code ?? signal}`))
  })
  child.stdin.on("error", () => undefined) // it may end without reading
  child.stdin.end(input)
  try {
    await promise
  } finally {
    cancel()
  }
}

/** Some faults are thrown before a program is begun, such as arguments that are too long. */
function atOnce<T>(program: string, start: () => T): T {
  try {
    return start()
  } catch (cause) {
    throw failed(program, "cannot be run", cause)
  }
}

function failed(target: string, what: string, cause?: unknown): NornrError {
  const remedy = "See to it; nothing is lost, and the next try tells it again."
  return new NornrError("target_failed", `${show(withoutSecrets(target))} ${what}.`, { remedy, cause })
}

/** A query or a user name may be a secret. */
function withoutSecrets(target: string): string {
  const url = URL.parse(target)
  return url === null || url.host === "" ? target : `${url.protocol}//${url.host}${url.pathname}`
}
