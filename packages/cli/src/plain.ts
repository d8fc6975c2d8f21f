import stringWidth from "string-width"
import wrapAnsi from "wrap-ansi"

/** What shows nothing, moves the cursor or turns the line around: a reviewer must see that it is there. */
const hidden = /[\p{C}\p{Zl}\p{Zp}\p{DI}\u2800]|(?! )\p{Zs}/gu

/** Text of agents and models as it is, with what cannot be seen written out. */
export function plain(text: string): string {
  return text.toWellFormed().replace(hidden, (each) => `\\u{${(each.codePointAt(0) ?? 0).toString(16)}}`)
}

/** At most so many columns, with an ellipsis where something is left out. */
export function cut(text: string, width: number): string {
  const shown = plain(text)
  if (shown === "") return ""
  if (stringWidth(shown) <= width) return shown
  let kept = ""
  for (const { segment } of new Intl.Segmenter().segment(shown)) {
    if (stringWidth(kept + segment) > width - 1) break
    kept += segment
  }
  return `${kept}…`
}

/** Padded to so many columns. */
export function padded(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - stringWidth(text)))
}

/** Whole, in lines of at most so many columns, each after an indent. */
export function wrapped(text: string, width: number, indent: string = ""): readonly string[] {
  const room = Math.max(20, width - stringWidth(indent))
  return wrapAnsi(text, room, { hard: true, trim: false })
    .split("\n")
    .map((line) => `${indent}${line.trimEnd()}`)
}
