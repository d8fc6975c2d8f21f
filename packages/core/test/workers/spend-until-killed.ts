import { Wallet } from "../../src/index.ts"

/** Asks for 1.00 four at a time until killed, telling each approval; says "full" once when the limit is reached. */
const wallet = await Wallet.create({
  owner: "team",
  limits: [{ amount: 60 }],
  ledger: String(process.argv[2]),
})

async function spend(): Promise<void> {
  for (;;) {
    const decision = await wallet.pay({ amount: 1, to: "openai" })
    process.stdout.write(decision.status === "approved" ? `${decision.id}\n` : "full\n")
    if (decision.status !== "approved") return
  }
}

await Promise.all([spend(), spend(), spend(), spend()])
await new Promise(() => setInterval(() => undefined, 1000))
