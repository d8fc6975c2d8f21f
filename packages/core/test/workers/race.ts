import { Wallet } from "../../src/index.ts"
import { type Race, races } from "../races.ts"

/** Opens the races' wallets on one file, waits for the common start and asks at once. */
const [path = "", start = "0", share = "1"] = process.argv.slice(2)
const wallets = await Promise.all(
  races.map(async (race) => Wallet.create({ ...race.terms, owner: race.name, ledger: path })),
)
await new Promise((resolve) => setTimeout(resolve, Math.max(0, Number(start) - Date.now())))

async function run({ intents }: Race, wallet: Wallet): Promise<readonly string[]> {
  const mine = intents.filter((_, index) => index % Number(share) === Number(process.argv[5]))
  const decisions = await Promise.all(mine.map((intent) => wallet.pay(intent)))
  return decisions.filter(({ status }) => status === "approved").map(({ id, amount }) => `${id} ${amount}`)
}

const approved = await Promise.all(races.map((race, index) => run(race, wallets[index] as Wallet)))
for (const [index, lines] of approved.entries()) {
  for (const line of lines) process.stdout.write(`${races[index]?.name} ${line}\n`)
}
