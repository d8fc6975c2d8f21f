import type { ErrorCode, NornrError } from "@nornr/core"

/** What a person at a terminal can do, where the library says what its caller can. */
const remedies: Readonly<Partial<Record<ErrorCode, string>>> = {
  decision_not_found: "Check the id: `nornr approvals`, `nornr unknown` and `nornr trail` list them.",
  reviewer_refused:
    "Act as somebody else with --as, sign with --private-key, or pass --allow-self-approval, which is marked in the trail.",
}

export function remedyFor({ code, remedy, message }: NornrError): string {
  if (code === "wallet_not_found" && /--owner|one of/.test(remedy)) return remedy
  if (code === "wallet_not_found")
    return "Make one with `nornr init`, or check --ledger and --owner (`nornr status` lists the wallets)."
  const isRefused = /EACCES|EROFS|EPERM/.test(message)
  if ((code === "ledger_unavailable" || code === "ledger_not_durable") && isRefused) {
    return "Whoever may only read cannot open it in place: copy the file to a folder of yours, or ask its owner for `nornr export`."
  }
  if (code === "state_conflict" && remedy.includes("wallet.decision"))
    return "See it with `nornr trail <decision>`."
  return remedies[code] ?? remedy
}
