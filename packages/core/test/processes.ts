import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Writer } from "../src/contracts/index.ts"

export interface Worker {
  readonly child: ChildProcess
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
  /** What it printed, once it has ended well. */
  lines(): Promise<readonly string[]>
}

/** Starts a worker of the folder workers under the Node.js that runs the tests. */
export function startWorker(name: string, args: readonly string[]): Worker {
  const script = fileURLToPath(new URL(`workers/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] })
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string)
  const printed: string[] = []
  const output = child.stdout as NodeJS.ReadableStream
  createInterface({ input: output }).on("line", (line) => printed.push(line))
  return {
    child,
    ended,
    async lines() {
      const code = await ended
      if (code !== 0) throw new Error(`${name} ended with ${code}`)
      return printed
    },
  }
}

/** Runs a worker to its end and gives the lines it printed. */
export function runWorker(name: string, args: readonly string[]): Promise<readonly string[]> {
  return startWorker(name, args).lines()
}

/** Runs a worker that is to kill itself. */
export async function untilKilled(name: string, args: readonly string[]): Promise<void> {
  const ended = await startWorker(name, args).ended
  if (ended !== "SIGKILL") throw new Error(`${name} ended with ${ended} and was not killed`)
}

export function startWriter(path: string, name = "write-until-killed"): Writer {
  const { child: worker, ended } = startWorker(name, [path])
  const acknowledged: string[] = []
  let enough: (() => void) | undefined
  createInterface({ input: worker.stdout as NodeJS.ReadableStream }).on("line", (id) => {
    acknowledged.push(id)
    enough?.()
  })
  return {
    acknowledged,
    async killAfter(count) {
      await new Promise<void>((resolve, reject) => {
        enough = () => acknowledged.length >= count && resolve()
        ended.then(() => reject(new Error("the writer ended by itself")), reject)
      })
      worker.kill("SIGKILL")
      await ended
    },
  }
}
