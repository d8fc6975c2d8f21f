/** A person has left a prompt. */
export class Interrupted extends Error {}
