import { writeUntilKilled } from "../../src/contracts/index.ts"
import { sqliteLedger } from "../../src/ledger/sqlite/sqlite-ledger.ts"

const ledger = await sqliteLedger(String(process.argv[2]))
await writeUntilKilled(ledger, (id) => process.stdout.write(`${id}\n`))
