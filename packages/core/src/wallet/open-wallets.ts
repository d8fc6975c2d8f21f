import { NornrError } from "../error/nornr-error.ts"
import { show } from "../input/show.ts"
import type { Decision } from "../spend/decision.ts"

/** What a wallet that is open in this process can tell of its decisions. */
interface Reader {
  decision(id: string): Promise<Decision | undefined>
}

/** Shared by every copy of this module in the process: a graph may hold another than whoever resumes it. */
const registryName = Symbol.for("nornr.wallets/1")

type Registry = Map<string, Set<WeakRef<Reader>>>

function registry(): Registry {
  const holder = globalThis as unknown as Record<symbol, Registry | undefined>
  holder[registryName] ??= new Map()
  return holder[registryName]
}

const collected: FinalizationRegistry<() => void> = new FinalizationRegistry((leave) => leave())

/** Known until it is closed or collected: a wallet opened for a call leaves nothing behind. */
export function enlist(owner: string, reader: Reader): () => void {
  const readers = registry().get(owner) ?? new Set()
  const ref = new WeakRef(reader)
  registry().set(owner, readers.add(ref))
  const leave = () => {
    readers.delete(ref)
    if (readers.size === 0 && registry().get(owner) === readers) registry().delete(owner)
  }
  collected.register(reader, leave)
  return leave
}

/**
 * A decision as it is now, read through whichever wallet of its owner is open in this process.
 * @throws {NornrError} `wallet_closed` where none is; what reading throws
 */
export async function currentDecision({ id, receipt }: Pick<Decision, "id" | "receipt">): Promise<Decision> {
  let failure: { readonly thrown: unknown } | undefined
  for (const ref of registry().get(receipt.wallet) ?? []) {
    try {
      const found = await ref.deref()?.decision(id)
      if (found !== undefined) return found
    } catch (thrown) {
      failure = { thrown } // another wallet object may still know it
    }
  }
  if (failure !== undefined) throw failure.thrown
  const problem = `No wallet of ${show(receipt.wallet)} that is open in this process knows decision ${id}.`
  const remedy = `Open it first, and keep it: await Wallet.connect({ owner: ${JSON.stringify(receipt.wallet)} }).`
  throw new NornrError("wallet_closed", problem, { remedy })
}
