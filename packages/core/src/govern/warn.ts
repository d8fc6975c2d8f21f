import type { NornrError } from "../error/nornr-error.ts"

const warned = new Set<string>()

/**
 * Warns, once for each text, that a call could not be decided: the model reads it and goes on, and whoever runs the
 * agent would not know that nothing can be bought. A call that was edited is nobody's fault.
 */
export function warnNotRun(tool: string, { code, message }: NornrError): void {
  if (code !== "key_conflict") warn(code, `${tool} was not run: ${message}`)
}

/** Warns, once for each text, of what stops nothing and should be mended. */
export function warn(code: string, message: string): void {
  const text = `nornr: ${message}`
  if (warned.has(text) || warned.size >= 100) return
  warned.add(text)
  globalThis.process?.emitWarning?.(text, { type: "NornrWarning", code })
}
