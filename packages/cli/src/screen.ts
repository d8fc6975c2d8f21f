import { styleText } from "node:util"
import Table from "cli-table3"
import { plain } from "./plain.ts"

type Style = Parameters<typeof styleText>[0]

/** Colours where a terminal shows them; none with NO_COLOR or in a pipe. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout })
}

export function say(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`)
}

export function complain(message: string): void {
  const styled = styleText("red", "nornr:", { stream: process.stderr })
  process.stderr.write(`${styled} ${message.split("\n").map(plain).join("\n")}\n`)
}

export function emitJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

/** How wide the screen is, in columns: of a pipe, or a terminal that does not know, 80. */
export function screenWidth(): number {
  return Math.min(process.stdout.columns || 80, 110)
}

/** Rows under their heads, without lines. */
export function table(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const none = { top: "", "top-mid": "", "top-left": "", "top-right": "", bottom: "", "bottom-mid": "" }
  const more = { "bottom-left": "", "bottom-right": "", left: "  ", "left-mid": "", mid: "", "mid-mid": "" }
  const table = new Table({
    head: heads.map((head) => paint("dim", head)),
    chars: { ...none, ...more, right: "", "right-mid": "", middle: "  " },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    colAligns: heads.map((_, index) => (right.includes(index) ? "right" : "left")),
  })
  table.push(...rows.map((row) => [...row]))
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
}

/** A bar of so many columns: settled, held, left. */
export function bar(settled: number, held: number, limit: number, width: number = 24): string {
  const full = limit <= 0 ? width : Math.min(width, Math.round((settled / limit) * width))
  const part = limit <= 0 ? 0 : Math.min(width - full, Math.round((held / limit) * width))
  const used = limit <= 0 ? 1 : (settled + held) / limit
  const style = used >= 0.95 ? "red" : used >= 0.8 ? "yellow" : "green"
  return paint(style, "█".repeat(full) + "▒".repeat(part)) + paint("dim", "░".repeat(width - full - part))
}

const statusStyles: Readonly<Record<string, Style>> = {
  approved: "green",
  settled: "green",
  done: "green",
  queued: "yellow",
  pending: "yellow",
  running: "cyan",
  unknown: "magenta",
  failed: "red",
  rejected: "red",
}

export function status(text: string): string {
  return paint(statusStyles[text] ?? "reset", text)
}

export function bold(text: string): string {
  return paint("bold", text)
}

export function dim(text: string): string {
  return paint("dim", text)
}

/** How long until, or since, an instant: `in 23 h`, `2 min ago`. */
export function fromNow(at: string, now: number = Date.now()): string {
  const ms = Date.parse(at) - now
  const size = Math.abs(ms)
  const [unit, length] =
    size < 60_000
      ? ["s", 1000]
      : size < 3_600_000
        ? ["min", 60_000]
        : size < 172_800_000
          ? ["h", 3_600_000]
          : ["d", 86_400_000]
  const count = Math.floor(size / (length as number))
  return ms >= 0 ? `in ${count} ${unit}` : `${count} ${unit} ago`
}

/** UTC, to the second. */
export function clockTime(at: string): string {
  return at.slice(0, 19).replace("T", " ")
}

export function count(number: number, one: string, many: string = `${one}s`): string {
  return `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`
}
