// What a paused run leaves behind is text: any store that you have keeps it, by the decision that it waits for.
// #region states
import { readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"

const pathOf = (decision: string) => join(process.env["STATES"] ?? ".", `${decision}.json`)

export const save = (decision: string, state: string): Promise<void> => writeFile(pathOf(decision), state)

export const drop = (decision: string): Promise<void> => rm(pathOf(decision), { force: true })

/** A person may be faster than `save`; undefined where the run was resumed elsewhere. */
export async function load(decision: string): Promise<string | undefined> {
  for (let tries = 0; tries < 10; tries++) {
    const state = await readFile(pathOf(decision), "utf8").catch(() => undefined)
    if (state !== undefined) return state
    await pause(200)
  }
  return undefined
}
// #endregion states
