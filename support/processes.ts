// The processes of a story: each has its own memory; they share a ledger file and a checkpoint file.
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as pause } from "node:timers/promises"

export interface Story {
  /** The ledger file. */
  readonly ledger: string
  /** Runs a script of the story to its end. */
  run(script: string): Promise<void>
  /** Starts a script that goes on until it is told to stop. */
  start(script: string): Running
}

export interface Running {
  /** Waits until it prints a line that has this in it. */
  printed(text: string): Promise<void>
  /** Tells it to stop, and waits until it has. */
  stop(): Promise<void>
}

/** Tells a story in the folder of its scripts, with a fresh ledger, checkpoint file and folder of states. */
export async function tell(
  scripts: string,
  environment: Readonly<Record<string, string>>,
  story: (story: Story) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "nornr-story-"))
  const files = {
    NORNR_LEDGER: join(folder, "ledger.db"),
    CHECKPOINTS: join(folder, "checkpoints.db"),
    STATES: folder,
  }
  const begin = (script: string) => {
    const env = { ...process.env, ...environment, ...files }
    return spawn(process.execPath, [join(scripts, script)], { env, stdio: ["ignore", "pipe", "inherit"] })
  }
  try {
    await keepClearOfMidnight()
    await story({
      ledger: files.NORNR_LEDGER,
      async run(script) {
        const child = begin(script)
        echo(child)
        await ended(child, script)
      },
      start: (script) => running(begin(script), script),
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function running(child: ChildProcess, script: string): Running {
  const lines = echo(child)
  const end = ended(child, script)
  end.catch(() => undefined)
  return {
    printed: (text) =>
      Promise.race([
        new Promise<void>((resolve) => lines.on("line", (line: string) => line.includes(text) && resolve())),
        end.then(() => {
          throw new Error(`${script} ended and never printed ${text}`)
        }),
      ]),
    async stop() {
      child.kill("SIGTERM")
      await end
    },
  }
}

function echo(child: ChildProcess) {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  lines.on("line", (line) => process.stdout.write(`${line}\n`))
  return lines
}

async function ended(child: ChildProcess, script: string): Promise<void> {
  const [code] = await once(child, "close")
  if (code !== 0) throw new Error(`${script} ended with ${code}`)
}

/** A budget of the day must not end in the middle of its story. */
async function keepClearOfMidnight(): Promise<void> {
  const left = 86_400_000 - (Date.now() % 86_400_000)
  if (left < 120_000) await pause(left)
}
