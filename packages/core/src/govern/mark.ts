/**
 * On every tool under terms, `true`, so that none is put under terms twice; known by every copy of this module in the
 * process, and kept by copies of the tool.
 */
export const governedMark: unique symbol = Symbol.for("nornr.governedTool/1")

/** Whether an adapter has put the tool under terms. */
export function isGoverned(tool: unknown): boolean {
  return typeof tool === "object" && tool !== null && governedMark in tool
}
