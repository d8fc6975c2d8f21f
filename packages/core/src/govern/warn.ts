import type { NornrError } from "../error/nornr-error.ts"

const warned = new Set<string>()

/**
 * Warns, once for each text, that a call could not be decided: the model reads it and goes on, and whoever runs the
 * agent would not know that nothing can be bought. A call that was edited is nobody's fault.
 */
export function warnNotRun(tool: string, { code, message }: NornrError): void {
  const text = `nornr: ${tool} was not run: ${message}`
  if (code === "key_conflict" || warned.has(text) || warned.size >= 100) return
  warned.add(text)
  globalThis.process?.emitWarning?.(text, { type: "NornrWarning", code })
}
