import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import fs, { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, test } from "vitest"
import { temporaryFolder } from "../../test/temporary-folder.ts"
import { NornrError } from "../error/nornr-error.ts"
import { remoteFuseAt, requireLocal } from "./file-system.ts"
import { defaultPlace, namedPlace, preparePlace } from "./place.ts"
import { requireSqlite } from "./sqlite/open-database.ts"
import { sqliteLedger } from "./sqlite/sqlite-ledger.ts"

let folder = temporaryFolder()
beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => folder.remove())

const at = (...parts: readonly string[]) => join(folder.path, ...parts)
const prepare = (path: string, isDefault = false) => preparePlace(path, { isDefault, mayCreate: true })
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)

function makeFolders(...paths: readonly string[]): void {
  for (const path of paths) mkdirSync(at(path), { recursive: true })
}

describe("the default place of a ledger", () => {
  test("is in the nearest .nornr above", () => {
    makeFolders(".nornr", "packages/agent/src")
    writeFileSync(at("packages/agent/package.json"), "{}")
    assert.equal(defaultPlace({ cwd: at("packages/agent/src"), env: {} }), at(".nornr", "ledger.db"))
  })

  test("is else at the root of the workspace, so that all its packages see one queue", () => {
    for (const [file, content] of [
      ["pnpm-workspace.yaml", ""],
      ["package.json", '{"workspaces":["*"]}'],
    ] as const) {
      const root = file.replace(".", "-")
      makeFolders(`${root}/packages/agent`)
      writeFileSync(at(root, file), content)
      writeFileSync(at(root, "packages/agent/package.json"), "{}")
      const path = defaultPlace({ cwd: at(root, "packages/agent"), env: {} })
      assert.equal(path, at(root, ".nornr", "ledger.db"))
    }
  })

  test("is else beside package.json, else here", () => {
    makeFolders("app/src", "bare")
    writeFileSync(at("app/package.json"), "{}")
    assert.equal(defaultPlace({ cwd: at("app/src"), env: {} }), at("app", ".nornr", "ledger.db"))
    assert.equal(defaultPlace({ cwd: at("bare"), env: {} }), at("bare", ".nornr", "ledger.db"))
  })

  test("is its owner's alone and out of git", async () => {
    const { path, isNew } = prepare(defaultPlace({ cwd: folder.path, env: {} }), true)
    assert.equal(isNew, true)
    const ledger = await sqliteLedger(path)
    assert.equal(mode(at(".nornr")), "700")
    for (const name of ["ledger.db", "ledger.db-wal", "ledger.db-shm"])
      assert.equal(mode(at(".nornr", name)), "600", name)
    assert.equal(readFileSync(at(".nornr", ".gitignore"), "utf8"), "*\n")
    execFileSync("git", ["init", "-q"], { cwd: folder.path })
    assert.equal(execFileSync("git", ["status", "--porcelain"], { cwd: folder.path, encoding: "utf8" }), "")
    assert.equal(prepare(path, true).isNew, false)
    await ledger.close()
  })

  test("is refused on serverless platforms, naming what to do", () => {
    for (const name of ["AWS_LAMBDA_FUNCTION_NAME", "VERCEL", "K_SERVICE"]) {
      assert.throws(
        () => defaultPlace({ cwd: folder.path, env: { [name]: "x" } }),
        (error) =>
          NornrError.isInstance(error) &&
          error.code === "ledger_not_durable" &&
          error.message.includes(name) &&
          /NORNR_LEDGER.*PostgreSQL.*baseUrl/.test(error.remedy),
      )
    }
    assert.equal(existsSync(at(".nornr")), false)
  })

  test("is refused where nothing can be written", () => {
    const path = defaultPlace({ cwd: "/proc", env: {} })
    assert.throws(() => prepare(path, true), { code: "ledger_not_durable" })
  })

  test("is refused at the edge, where there is no file system", () => {
    const original = process.getBuiltinModule
    try {
      Object.defineProperty(process, "getBuiltinModule", {
        value: undefined,
        configurable: true,
        writable: true,
      })
      assert.throws(() => defaultPlace({ cwd: folder.path, env: {} }), { code: "ledger_not_durable" })
    } finally {
      Object.defineProperty(process, "getBuiltinModule", {
        value: original,
        configurable: true,
        writable: true,
      })
    }
  })
})

describe("a named place of a ledger", () => {
  test("starts where .nornr is or would be, so that all packages mean one file", () => {
    makeFolders("workspace/packages/agent")
    writeFileSync(at("workspace/pnpm-workspace.yaml"), "")
    assert.equal(
      namedPlace("spend.db", { cwd: at("workspace/packages/agent"), env: {} }),
      at("workspace/spend.db"),
    )
    makeFolders(".nornr", "packages/agent")
    assert.equal(namedPlace("./spend.db", { cwd: at("packages/agent"), env: {} }), at("spend.db"))
    assert.equal(
      prepare(namedPlace(at("deep/er/spend.db"), { cwd: "/", env: {} })).path,
      at("deep/er/spend.db"),
    )
  })

  test("is one place through every link to it", () => {
    writeFileSync(at("real.db"), "")
    symlinkSync(at("real.db"), at("link.db"))
    assert.equal(prepare(at("link.db")).path, at("real.db"))
  })

  test("is not made by who only connects", () => {
    const only = { isDefault: false, mayCreate: false }
    assert.throws(() => preparePlace(at("none.db"), only), { code: "wallet_not_found", message: /none\.db/ })
    assert.equal(existsSync(at("none.db")), false)
  })

  test("is refused where it cannot be written", () => {
    assert.throws(() => prepare("/proc/spend.db"), { code: "ledger_unavailable" })
    assert.throws(() => prepare(folder.path), { code: "ledger_unavailable" })
  })
})

describe("what SQLite cannot be trusted with", () => {
  test("are network file systems", () => {
    const on = (type: number) => ({ ...fs, statfsSync: () => ({ type }) }) as unknown as typeof fs
    for (const type of [0x6969, 0x517b, 0xff534d42, 0xfe534d42]) {
      assert.throws(() => requireLocal(on(type), "/mnt/share"), {
        code: "ledger_refused",
        message: /local disk/,
      })
    }
    for (const ext4OrTmpfsOrFuse of [0xef53, 0x01021994, 0x65735546]) {
      assert.doesNotThrow(() => requireLocal(on(ext4OrTmpfsOrFuse), "/"))
    }
    assert.throws(() => requireLocal(fs, "\\\\server\\share"), { code: "ledger_refused" })
  })

  test("are remote file systems behind FUSE, but no local ones", () => {
    const mounts = [
      "22 1 8:1 / / rw - fuse.fuse-overlayfs overlay rw",
      "40 22 0:40 / /mnt/far rw,nosuid - fuse.sshfs me@host: rw",
      "41 40 0:41 / /mnt/far/near rw - ext4 /dev/sdb rw",
      "42 22 0:42 / /mnt/my\\040bucket rw - fuse.s3fs bucket rw",
    ].join("\n")
    assert.equal(remoteFuseAt(mounts, "/mnt/far/app"), "fuse.sshfs")
    assert.equal(remoteFuseAt(mounts, "/mnt/my bucket"), "fuse.s3fs")
    for (const local of ["/home", "/mnt/farther", "/mnt/far/near/app"])
      assert.equal(remoteFuseAt(mounts, local), undefined)
  })

  test("are versions before 3.51.3", () => {
    for (const version of ["3.45.1", "3.47.2", "3.51.2", "2.99.9"]) {
      assert.throws(() => requireSqlite(version), {
        code: "ledger_refused",
        message: /24\.15 or newer, or 22\.23/,
      })
    }
    for (const version of ["3.51.3", "3.51.10", "3.53.4", "4.0.0"])
      assert.doesNotThrow(() => requireSqlite(version))
  })

  test("are files of something else, newer ledgers and damaged ones", async () => {
    const sqlite = process.getBuiltinModule("node:sqlite")
    const other = new sqlite.DatabaseSync(at("other.db"))
    other.exec("CREATE TABLE notes (text TEXT)")
    other.close()
    await assert.rejects(sqliteLedger(at("other.db")), { code: "ledger_corrupt", message: /something else/ })
    await (await sqliteLedger(at("newer.db"))).close()
    const newer = new sqlite.DatabaseSync(at("newer.db"))
    newer.exec("PRAGMA user_version = 99")
    newer.close()
    await assert.rejects(sqliteLedger(at("newer.db")), { code: "ledger_too_new" })
    writeFileSync(at("text.db"), "this is no database, but it is long enough to be taken for one".repeat(20))
    await assert.rejects(sqliteLedger(at("text.db")), { code: "ledger_corrupt" })
  })
})
