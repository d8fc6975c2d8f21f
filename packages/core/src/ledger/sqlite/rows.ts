import { NornrError } from "../../error/nornr-error.ts"
import { listOf, type Spend, type SpendTexts } from "../../spend/spend.ts"

/** The columns of a spend beside its number and wallet. */
export interface SpendRow {
  readonly id: string
  readonly key: string | null
  readonly due: number | null
  readonly list: string | null
  readonly forget: number | null
  readonly body: string
  /** The disclosures: a list of objects, each with some of them. */
  readonly texts?: string | null
}

export function toSpendRow(spend: Spend): SpendRow {
  const { id, key, due, forgetAt, texts: _apart, amount, spent, ...rest } = spend
  return {
    id,
    key: key ?? null,
    due: due ?? null,
    list: listOf(spend) ?? null,
    forget: forgetAt ?? null,
    body: JSON.stringify({ amount: amount.toString(), spent: spent.toString(), ...rest }),
  }
}

/** @throws {NornrError} `ledger_corrupt` */
export function fromSpendRow({ id, key, due, forget, body, texts }: SpendRow): Spend {
  try {
    // What has a column is read from it alone: a copy in the body would be a second truth.
    const { amount, spent, key: _k, due: _d, forgetAt: _f, texts: _t, ...rest } = JSON.parse(body) as Stored
    const isWhole = [rest.run, rest.mandate, rest.receipt].every(
      (each) => typeof each === "object" && each !== null,
    )
    if (!isWhole) throw new Error("A field is missing.")
    return {
      ...rest,
      id,
      amount: BigInt(amount),
      spent: BigInt(spent),
      ...(key === null ? {} : { key }),
      ...(due === null ? {} : { due }),
      ...(forget === null ? {} : { forgetAt: forget }),
      ...textsIn(texts),
    }
  } catch (cause) {
    const remedy = "Keep the file as it is for examination and restore a backup."
    throw new NornrError("ledger_corrupt", `The row of decision ${id} is damaged.`, { remedy, cause })
  }
}

function textsIn(rows: string | null | undefined): { readonly texts?: SpendTexts } {
  const texts: SpendTexts = Object.assign({}, ...(JSON.parse(rows ?? "[]") as readonly SpendTexts[]))
  return Object.keys(texts).length === 0 ? {} : { texts }
}

type Stored = Omit<Spend, "amount" | "spent"> & { readonly amount: string; readonly spent: string }

/**
 * As `fromSpendRow`, for verifying: a list that leaves it out would hide it from whoever reviews.
 * @throws {NornrError} `ledger_corrupt`
 */
export function fromListedRow(row: SpendRow): Spend {
  const spend = fromSpendRow(row)
  if ((listOf(spend) ?? null) === row.list) return spend
  const remedy = "Keep the file as it is for examination and restore a backup."
  throw new NornrError("ledger_corrupt", `Decision ${row.id} is not on the list that it belongs to.`, {
    remedy,
  })
}
