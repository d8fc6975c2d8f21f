import type { ReviewDesk } from "@nornr/core"
import { Command } from "commander"
import { type Acting, oneOwner, openAudit, openDesk, withReviewer, withWallet } from "../options.ts"
import { plain } from "../plain.ts"
import { complain, emitJson, say } from "../screen.ts"

interface Freezing extends Acting {
  readonly agent?: string
  readonly reviewOnly?: boolean
}

export function freeze(): Command {
  return withReviewer(new Command("freeze").description("stop asks and claims at once; what runs may finish"))
    .option("--agent <name>", "one agent of the wallet")
    .option("--review-only", "send every ask to a reviewer instead of stopping it")
    .action((options: Freezing) => {
      const mode = options.reviewOnly ? "review_only" : "freeze"
      const state = options.reviewOnly ? "under review" : "frozen"
      return control(options, state, (desk) => desk.freeze({ ...subject(options), mode }))
    })
}

export function unfreeze(): Command {
  return withReviewer(new Command("unfreeze").description("lift what freeze has set"))
    .option("--agent <name>", "one agent of the wallet")
    .action((options: Freezing) => control(options, "unfrozen", (desk) => desk.unfreeze(subject(options))))
}

async function control(
  options: Freezing,
  state: string,
  act: (desk: ReviewDesk) => Promise<unknown>,
): Promise<void> {
  await using desk = await openDesk(options)
  const wasKnown = await hasTerms(options)
  await act(desk)
  told(options, state, desk.reviewer)
  if (!wasKnown) await warnUnknown(options)
}

/** Whether an agent has terms or a control; of the whole wallet, it is known. */
async function hasTerms(options: Freezing): Promise<boolean> {
  if (options.agent === undefined) return true
  await using audit = await openAudit(options)
  const owner = await oneOwner(audit, options)
  return (await audit.mandates(owner)).some(({ agent }) => agent === options.agent)
}

/** It is done, whether the name is right or not: of an agent that is in none of the last ten thousand events, it may be wrong. */
async function warnUnknown(options: Freezing): Promise<void> {
  await using audit = await openAudit(options)
  const owner = await oneOwner(audit, options)
  const isMet = await withWallet(options, owner, async (wallet) => {
    for await (const { type, data } of wallet.trail({ last: 10_000 }))
      if (type === "decision.made" && data["agent"] === options.agent) return true
    return false
  })
  const name = JSON.stringify(options.agent)
  if (!isMet) complain(`no agent ${name} has terms or a decision here lately: check its name.`)
}

function subject({ owner, agent }: Freezing): { readonly owner?: string; readonly agent?: string } {
  return { ...(owner === undefined ? {} : { owner }), ...(agent === undefined ? {} : { agent }) }
}

function told({ json, agent, owner }: Freezing, state: string, reviewer: string): void {
  if (json) return emitJson({ state, owner: owner ?? null, agent: agent ?? null, by: reviewer })
  const whose = owner === undefined ? "" : ` of ${owner}`
  const subject = agent === undefined ? `The wallet${whose}` : `Agent ${agent}`
  say(plain(`${subject} is ${state}, by ${reviewer}.`))
}
