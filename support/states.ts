// What a paused run leaves behind is text: any store that you have keeps it.
import { readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"

const pathOf = (conversation: string) =>
  join(process.env["STATES"] ?? ".", `${encodeURIComponent(conversation)}.json`)

export async function save(conversation: string, state: string): Promise<void> {
  await writeFile(pathOf(conversation), state)
}

/** Undefined where nothing waits. */
export async function load(conversation: string): Promise<string | undefined> {
  return readFile(pathOf(conversation), "utf8").catch(() => undefined)
}

export async function drop(conversation: string): Promise<void> {
  await rm(pathOf(conversation), { force: true })
}
