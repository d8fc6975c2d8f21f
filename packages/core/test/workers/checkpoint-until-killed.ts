// Spends and signs checkpoints until it is killed. Usage: node checkpoint-until-killed.ts <ledger> <key> <file>
import { AuditDesk, Wallet } from "../../src/index.ts"

const [ledger = "", key = "", file = ""] = process.argv.slice(2)
const wallet = await Wallet.create({ owner: "killed", dailyLimit: 1_000_000, ledger })
const audit = await AuditDesk.open({ ledger })
for (;;) {
  await Promise.all(Array.from({ length: 40 }, () => wallet.pay({ amount: 0.01, to: "x" })))
  const { size } = await audit.checkpoint({ key, to: [{ file }] })
  process.stdout.write(`${size}\n`)
}
