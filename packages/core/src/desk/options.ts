import { type Redactable, redactable } from "../engine/redact.ts"
import type { Actor } from "../engine/reviewer.ts"
import { NornrError } from "../error/nornr-error.ts"
import { defined } from "../input/defined.ts"
import { asName, checkText, fieldsOf } from "../input/fields.ts"
import { show } from "../input/show.ts"
import type { Place } from "../ledger/open-ledger.ts"
import type { Clock } from "../time/clock.ts"
import { type Disclosure, disclosure } from "../trail/digest.ts"
import { signerOf } from "../trail/signature.ts"
import { parsePlace, placeNames } from "../wallet/options.ts"
import type { Subject } from "./review-desk.ts"

/** @throws {NornrError} `invalid_option` */
export function parseDesk(input: unknown): {
  readonly place: Place
  readonly clock: Clock | undefined
  readonly actor: Actor
  readonly owner: string | undefined
} {
  const allowed = ["reviewer", "privateKey", "allowSelfApproval", ...placeNames]
  const fields = fieldsOf(input, { path: "", code: "invalid_option", allowed })
  const name = asName(fields.text("reviewer", 128))
  const privateKey = fields.get("privateKey")
  const actor = defined({
    name: name ?? fields.refuse("reviewer", undefined, "Name who reviews: it is on record with each act."),
    sign: privateKey === undefined ? undefined : signerOf(privateKey),
    allowSelfApproval: fields.flag("allowSelfApproval"),
  })
  return { ...parsePlace(fields), owner: fields.text("owner", 128), actor }
}

/** @throws {NornrError} `invalid_option` */
export function parseComment(said: unknown): Disclosure | undefined {
  const fields = fieldsOf(said, { path: "", code: "invalid_option", allowed: ["comment"] })
  return parseSaid(fields.get("comment"), "comment")
}

/** @throws {NornrError} `invalid_option` */
export function parseReason(why: unknown): Disclosure {
  const fields = fieldsOf(why, { path: "", code: "invalid_option", allowed: ["reason"] })
  return requireSaid(fields.get("reason"), "reason")
}

/** @throws {NornrError} `invalid_option` */
export function parseRedaction(why: unknown): {
  readonly names: readonly Redactable[]
  readonly remark: Disclosure
} {
  const fields = fieldsOf(why, { path: "", code: "invalid_option", allowed: ["reason", "texts"] })
  const texts = fields.get("texts") ?? redactable
  const isList = Array.isArray(texts) && texts.length > 0 && texts.every((each) => redactable.includes(each))
  if (!isList) fields.refuse("texts", texts, `Use a list of: ${redactable.join(", ")}.`)
  return { names: texts as readonly Redactable[], remark: requireSaid(fields.get("reason"), "reason") }
}

/** A comment or reason with its salt; undefined where nothing was said. */
function parseSaid(value: unknown, field: string): Disclosure | undefined {
  if (value === undefined) return undefined
  const refuse = (remedy: string): never => {
    throw new NornrError("invalid_option", `${field} is ${show(value)}.`, { remedy })
  }
  const text = typeof value === "string" ? value.replace(/\s+/g, " ").trim() : value
  return disclosure(checkText(text, 1000, refuse))
}

/** @throws {NornrError} `invalid_option` where nothing was said */
export function requireSaid(value: unknown, field: string): Disclosure {
  const said = parseSaid(value, field)
  if (said !== undefined) return said
  throw new NornrError("invalid_option", `${field} is missing.`, { remedy: "Say why; it is on record." })
}

interface ParsedSubject extends Subject {
  readonly mode?: "freeze" | "review_only"
}

/** @throws {NornrError} `invalid_option` */
export function parseSubject(input: unknown, allowed: readonly string[]): ParsedSubject {
  const fields = fieldsOf(input, { path: "", code: "invalid_option", allowed })
  return defined({
    owner: fields.text("owner", 128),
    agent: asName(fields.text("agent", 256)),
    mode: fields.oneOf("mode", ["freeze", "review_only"]),
  })
}

/** @throws {NornrError} `invalid_option` */
export function requireAgent(agent: unknown): { readonly agent: string } {
  const refuse = (remedy: string): never => {
    throw new NornrError("invalid_option", `The agent is ${show(agent)}.`, { remedy })
  }
  return { agent: asName(checkText(agent, 256, refuse)) }
}
