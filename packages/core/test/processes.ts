import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Writer } from "../src/contracts/index.ts"

/** Starts a worker of this folder under the Node.js that runs the tests. */
function startWorker(name: string, args: readonly string[]): ChildProcess {
  const script = fileURLToPath(new URL(`workers/${name}.ts`, import.meta.url))
  return spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] })
}

/** Runs a worker to its end and gives the lines it printed. */
export async function runWorker(name: string, args: readonly string[]): Promise<readonly string[]> {
  const worker = startWorker(name, args)
  const lines: string[] = []
  const done = once(worker, "close")
  for await (const line of createInterface({ input: worker.stdout as NodeJS.ReadableStream }))
    lines.push(line)
  const [code] = await done
  if (code !== 0) throw new Error(`${name} ended with ${code}`)
  return lines
}

export function startWriter(path: string, name = "write-until-killed"): Writer {
  const worker = startWorker(name, [path])
  const acknowledged: string[] = []
  const ended = once(worker, "close")
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
