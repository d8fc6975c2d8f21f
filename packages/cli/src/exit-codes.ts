/** What the command's exit code says. Stable. */
export const exitCodes = {
  /** It was done; what was verified is sound. */
  done: 0,
  /** It could not be done, or was refused; the message says why and what to do. */
  failed: 1,
  /** The command line is none. */
  usage: 2,
  /** Verification, or the doctor, found something. */
  found: 3,
  /** A person has left a prompt. */
  interrupted: 130,
} as const
