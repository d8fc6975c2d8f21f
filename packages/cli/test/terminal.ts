import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { stripVTControlCharacters } from "node:util"
import { type IPty, spawn } from "@lydell/node-pty"

const main = join(import.meta.dirname, "../src/main.ts")

const decidedByTests: ReadonlySet<string> = new Set([
  "CI",
  "FORCE_COLOR",
  "NO_COLOR",
  "NODE_DISABLE_COLORS",
  "NORNR_LEDGER",
  "NORNR_CHECKPOINT_KEYS",
])

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** A folder of a project of its own, in which the command is run as real processes. */
export class Project {
  readonly folder: string = mkdtempSync(join(tmpdir(), "nornr-cli-"))
  readonly ledger: string = join(this.folder, ".nornr/ledger.db")

  constructor() {
    mkdirSync(join(this.folder, ".nornr"), { mode: 0o700 })
  }

  at(name: string): string {
    return join(this.folder, name)
  }

  /** Runs the command to its end, in a pipe. */
  run(...args: readonly string[]): Promise<Ran> {
    return this.runWith({}, ...args)
  }

  runWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> {
    return new Promise((resolve) => {
      const options = { cwd: this.folder, env: { ...this.#env(), ...env }, timeout: 60_000 }
      execFile(process.execPath, [main, ...args], options, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err })
      })
    })
  }

  async json<T = Record<string, never>>(...args: readonly string[]): Promise<T> {
    const { out, err, code } = await this.run(...args, "--json")
    try {
      return JSON.parse(out) as T
    } catch {
      throw new Error(`${args.join(" ")} ended with ${code} and printed no JSON: ${out}${err}`)
    }
  }

  /** Runs the command in a terminal of 80 columns. */
  terminal(...args: readonly string[]): Terminal {
    return this.terminalWith({}, ...args)
  }

  terminalWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): Terminal {
    const options = { cwd: this.folder, env: { ...this.#env(), ...env }, cols: 80, rows: 40 }
    return new Terminal(spawn(process.execPath, [main, ...args], options))
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** The environment without what changes the output: Node shows no colours where CI is set, either. */
  #env(): Record<string, string> {
    const left = Object.entries(process.env).filter(([name]) => !decidedByTests.has(name))
    const env = Object.fromEntries(left) as Record<string, string>
    return { ...env, NORNR_REVIEWER: "ana@example.com", TERM: "xterm-256color" }
  }
}

/** A pseudo-terminal, as a person sees it. */
export class Terminal {
  readonly #pty: IPty
  #seen = ""
  #read = 0
  readonly ended: Promise<number>

  constructor(pty: IPty) {
    this.#pty = pty
    pty.onData((data) => {
      this.#seen += data
    })
    this.ended = new Promise((resolve) => pty.onExit(({ exitCode }) => resolve(exitCode)))
  }

  /** Everything that was shown, without colours and cursor moves. */
  get text(): string {
    return stripVTControlCharacters(this.#seen)
  }

  get raw(): string {
    return this.#seen
  }

  /** Waits until it shows a text that was not waited for yet. */
  async shows(text: string): Promise<void> {
    for (let turn = 0; turn < 400; turn++) {
      const at = this.text.indexOf(text, this.#read)
      if (at >= 0) {
        this.#read = at + text.length
        return
      }
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
    throw new Error(`It never showed ${JSON.stringify(text)}, but: ${this.text}`)
  }

  type(keys: string): void {
    this.#pty.write(keys)
  }
}

export const keys = { down: "\u001b[B", enter: "\r", interrupt: "\u0003" } as const
