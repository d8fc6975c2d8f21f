import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from "node:fs"

/** The disk's own limit: 20 KiB, about what SQLite writes for a commit, over preallocated bytes, then fdatasync. */
export function bareDisk(path: string): { write(): void; close(): void } {
  const slots = 64
  const block = Buffer.alloc(20 * 1024, 1)
  const file = openSync(path, "w")
  for (let slot = 0; slot < slots; slot++) writeSync(file, block, 0, block.length, slot * block.length)
  fsyncSync(file)
  let next = 0
  return {
    write() {
      writeSync(file, block, 0, block.length, (next++ % slots) * block.length)
      fdatasyncSync(file)
    },
    close: () => closeSync(file),
  }
}
