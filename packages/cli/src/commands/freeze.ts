import { Command } from "commander"
import { type Acting, oneOwner, openAudit, openDesk, withReviewer, withWallet } from "../options.ts"
import { complain, emitJson, say } from "../screen.ts"

interface Freezing extends Acting {
  readonly agent?: string
  readonly reviewOnly?: boolean
}

export function freeze(): Command {
  return withReviewer(new Command("freeze").description("stop asks and claims at once; what runs may finish"))
    .option("--agent <name>", "one agent of the wallet")
    .option("--review-only", "send every ask to a reviewer instead of stopping it")
    .action(async (options: Freezing) => {
      await using desk = await openDesk(options)
      const isKnown = await knows(options)
      await desk.freeze({ ...subject(options), mode: options.reviewOnly ? "review_only" : "freeze" })
      told(options, options.reviewOnly ? "under review" : "frozen", desk.reviewer)
      if (!isKnown)
        complain(
          `no agent ${JSON.stringify(options.agent)} has terms or a decision here lately: check its name.`,
        )
    })
}

export function unfreeze(): Command {
  return withReviewer(new Command("unfreeze").description("lift what freeze has set"))
    .option("--agent <name>", "one agent of the wallet")
    .action(async (options: Freezing) => {
      await using desk = await openDesk(options)
      const isKnown = await knows(options)
      await desk.unfreeze(subject(options))
      told(options, "unfrozen", desk.reviewer)
      if (!isKnown)
        complain(
          `no agent ${JSON.stringify(options.agent)} has terms or a decision here lately: check its name.`,
        )
    })
}

/** Whether an agent has terms or a control, or is in the last ten thousand events. */
async function knows(options: Freezing): Promise<boolean> {
  if (options.agent === undefined) return true
  await using audit = await openAudit(options)
  const owner = await oneOwner(audit, options)
  if ((await audit.mandates(owner)).some(({ agent }) => agent === options.agent)) return true
  return withWallet(options, owner, async (wallet) => {
    for await (const { data } of wallet.trail({ last: 10_000 }))
      if (data["agent"] === options.agent) return true
    return false
  })
}

function subject({ owner, agent }: Freezing): { readonly owner?: string; readonly agent?: string } {
  return { ...(owner === undefined ? {} : { owner }), ...(agent === undefined ? {} : { agent }) }
}

function told({ json, agent, owner }: Freezing, state: string, reviewer: string): void {
  if (json) return emitJson({ state, owner: owner ?? null, agent: agent ?? null, by: reviewer })
  say(
    `${agent === undefined ? `The wallet${owner === undefined ? "" : ` of ${owner}`}` : `Agent ${agent}`} is ${state}, by ${reviewer}.`,
  )
}
