import { NornrError, type ReviewDesk } from "@nornr/core"
import { type Common, openAudit, ownersOf, withWallet } from "./options.ts"

/** A decision's id, or of one that waits or is held, its last characters (at least four). */
export async function openId(desk: ReviewDesk, given: string): Promise<string> {
  if (isWhole(given)) return given
  const open = [...(await desk.pending()), ...(await desk.unknown()), ...(await desk.failed())]
  return oneOf(given, new Set(open.map(({ id }) => id))) ?? given
}

/** A decision's id, or of one among the last ten thousand positions of its wallet, its last characters. */
export async function pastId(options: Common, given: string): Promise<string> {
  if (isWhole(given)) return given
  await using audit = await openAudit(options)
  const ids = new Set<string>()
  for (const owner of await ownersOf(audit, options)) {
    await withWallet(options, owner, async (wallet) => {
      for await (const { data } of wallet.trail({ last: 10_000 }))
        if (typeof data["decision"] === "string") ids.add(data["decision"])
    })
  }
  return oneOf(given, ids) ?? given
}

function isWhole(given: string): boolean {
  return given.startsWith("dec_") || given.replace(/^…/, "").length < 4
}

/** @throws {NornrError} `invalid_option` where several end so */
function oneOf(given: string, ids: ReadonlySet<string>): string | undefined {
  const found = [...ids].filter((id) => id.endsWith(given.replace(/^…/, "")))
  if (found.length < 2) return found[0]
  const remedy = `Use one of: ${found.slice(0, 5).join(", ")}.`
  throw new NornrError("invalid_option", `Several decisions end with ${JSON.stringify(given)}.`, { remedy })
}
