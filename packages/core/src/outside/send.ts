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

/** What a URL holds; undefined where it holds nothing yet (HTTP 404). */
export async function fetchText({
  url,
  headers,
}: Extract<Outside, { url: string }>): Promise<string | undefined> {
  const response = await answer(url, { headers: { ...headers } })
  if (response.status === 404 || response.status === 405) return undefined
  if (!response.ok) throw failed(url, `answered ${response.status}`)
  return response.text()
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
  const child = spawn(program, args, { stdio: ["pipe", "ignore", "inherit"] })
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

function failed(target: string, what: string, cause?: unknown): NornrError {
  const remedy = "See to it; nothing is lost, and the next try tells it again."
  return new NornrError("target_failed", `${show(withoutSecrets(target))} ${what}.`, { remedy, cause })
}

/** A query or a user name may be a secret. */
function withoutSecrets(target: string): string {
  const url = URL.parse(target)
  return url === null || url.host === "" ? target : `${url.protocol}//${url.host}${url.pathname}`
}
