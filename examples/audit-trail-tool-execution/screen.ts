// How the demo looks. Colours only where the terminal wants them (NO_COLOR, no TTY: plain text).
import { styleText } from "node:util"

type Style = Parameters<typeof styleText>[0]

export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout })
}

export function heading(text: string): void {
  console.log(`\n${paint("bold", text)}`)
}

export function statusText(status: string): string {
  const styles: Readonly<Record<string, Style>> = {
    approved: "green",
    done: "green",
    queued: "yellow",
    rejected: "red",
    failed: "red",
  }
  return paint(styles[status] ?? "dim", status)
}

/** Text in lines of at most 78 characters, indented. */
export function fold(text: string, indent: number): string {
  const lines: string[] = []
  let line = ""
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + word.length > 77) {
      lines.push(line)
      line = word
    } else line = line === "" ? word : `${line} ${word}`
  }
  return [...lines, line].map((each) => `${" ".repeat(indent)}${each}`).join("\n")
}

/** Rows under a header, padded; the last column is not. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]) =>
    `  ${row.map((cell, column) => cell.padEnd(column === row.length - 1 ? 0 : (widths[column] ?? 0))).join("  ")}`.trimEnd()
  console.log(paint("dim", line(header)))
  for (const row of rows) console.log(line(row))
}

/** A bar of so many characters: spent, held, left. */
export function bar(parts: {
  readonly settled: number
  readonly held: number
  readonly limit: number
}): string {
  const width = 40
  const cells = (amount: number) => Math.round((amount / parts.limit) * width)
  const spent = "█".repeat(cells(parts.settled))
  const held = "▒".repeat(cells(parts.held))
  return `${spent}${held}`.padEnd(width, "░").slice(0, width)
}
