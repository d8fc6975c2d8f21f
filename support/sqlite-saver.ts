import { DatabaseSync } from "node:sqlite"
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite"

/** LangGraph's own SQLite saver, on Node's SQLite: the driver that it brings has to be compiled. */
export function sqliteSaver(path: string): SqliteSaver {
  const database = new DatabaseSync(path, { timeout: 10_000 })
  const nulled = (values: readonly unknown[]) => values.map((value) => value ?? null) as (string | null)[]
  const driver = {
    pragma: (text: string) => database.exec(`PRAGMA ${text}`),
    exec: (sql: string) => database.exec(sql),
    prepare(sql: string) {
      const statement = database.prepare(sql)
      return {
        get: (...values: readonly unknown[]) => statement.get(...nulled(values)),
        all: (...values: readonly unknown[]) => statement.all(...nulled(values)),
        run: (...values: readonly unknown[]) => statement.run(...nulled(values)),
      }
    },
    transaction:
      <A extends readonly unknown[]>(run: (...args: A) => void) =>
      (...args: A) => {
        database.exec("BEGIN IMMEDIATE")
        try {
          run(...args)
          database.exec("COMMIT")
        } catch (error) {
          database.exec("ROLLBACK")
          throw error
        }
      },
  }
  return new SqliteSaver(driver as unknown as ConstructorParameters<typeof SqliteSaver>[0])
}
