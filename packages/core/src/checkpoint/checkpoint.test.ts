import assert from "node:assert/strict"
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { afterEach, beforeEach, describe, test } from "vitest"
import { temporaryFolder } from "../../test/temporary-folder.ts"
import {
  AuditDesk,
  createCheckpointKey,
  type NewKey,
  type NornrError,
  publishCheckpoints,
  ReviewDesk,
  verifyNote,
  Wallet,
} from "../index.ts"

let folder = temporaryFolder()
let ledger = ""
let key: NewKey
beforeEach(async () => {
  folder = temporaryFolder()
  ledger = join(folder.path, "ledger.db")
  await using _wallet = await Wallet.create({ owner: "o", dailyLimit: 100, ledger })
  key = await createCheckpointKey(join(folder.path, "key"), "example.com/spend")
})
afterEach(() => folder.remove())

const at = (name: string) => join(folder.path, name)
const spend = async (times: number) => {
  await using wallet = await Wallet.connect({ owner: "o", ledger })
  for (let index = 0; index < times; index++) await wallet.pay({ amount: 0.01, to: "x" })
}
const sizeOf = (note: string) => Number(note.split("\n")[1])

/** An HTTP server that keeps what is put, as an object store does; it can be told to fail. */
async function store() {
  const kept = new Map<string, string>()
  const seen: string[] = []
  let status = 0
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.headers.authorization ?? ""}`)
    if (status !== 0) return void response.writeHead(status).end()
    const path = request.url ?? ""
    if (request.method === "GET")
      return void response.writeHead(kept.has(path) ? 200 : 404).end(kept.get(path) ?? "")
    let body = ""
    request
      .on("data", (piece) => (body += piece))
      .on("end", () => {
        kept.set(path, body)
        response.writeHead(204).end()
      })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as { port: number }
  return {
    ...{ kept, seen, url: `http://127.0.0.1:${port}` },
    answer: (code: number) => {
      status = code
    },
    close: () => server.close(),
  }
}

describe("the key of checkpoints", () => {
  test("is its owner's alone, is never replaced, and is refused where others can read it", async () => {
    assert.equal(statSync(key.path).mode & 0o777, 0o600)
    assert.equal(readFileSync(`${key.path}.pub`, "utf8"), `${key.publicKey}\n`)
    await assert.rejects(createCheckpointKey(key.path, "example.com/spend"), { code: "invalid_option" })
    await assert.rejects(createCheckpointKey(at("no/such/folder"), "example.com/spend"), {
      code: "invalid_option",
    })
    await using audit = await AuditDesk.open({ ledger })
    chmodSync(key.path, 0o644)
    await assert.rejects(audit.checkpoint({ key: key.path }), {
      code: "invalid_option",
      message: /chmod 600/,
    })
    await assert.rejects(audit.checkpoint({ key: at("none") }), {
      code: "invalid_option",
      message: /checkpoint init/,
    })
  })

  test("is on record, and so is the one that follows it, which it has signed for", async () => {
    await using desk = await ReviewDesk.open({ ledger, reviewer: "ana" })
    await desk.recordCheckpointKey(key.publicKey)
    const next = await createCheckpointKey(at("next"), "example.com/spend")
    await desk.recordCheckpointKey(next.publicKey, { previous: key.path })
    await using wallet = await Wallet.connect({ owner: "o", ledger })
    const told: unknown[] = []
    for await (const { type, data } of wallet.trail()) if (type === "checkpoint.key") told.push(data)
    const [first, second] = told as { key: string; by: string; previous?: string; endorsed?: string }[]
    assert.deepEqual([first?.key, first?.by, first?.previous], [key.publicKey, "ana", undefined])
    assert.deepEqual([second?.key, second?.previous], [next.publicKey, key.publicKey])
    assert.equal(Buffer.from(second?.endorsed ?? "", "base64").length, 64)
    await assert.rejects(desk.recordCheckpointKey("x"), { code: "invalid_option" })
    assert((await wallet.verify()).ok)
  })
})

describe("a checkpoint", () => {
  test("goes to a file, a folder, a program and a server", async () => {
    const server = await store()
    try {
      await using audit = await AuditDesk.open({ ledger })
      const to = [
        { file: at("last") },
        { directory: at("all") },
        { command: ["sh", "-c", `cat > '${at("told")}'`] },
        { url: `${server.url}/spend`, headers: { authorization: "Bearer x" } },
      ]
      const first = await audit.checkpoint({ key: key.path, to })
      await spend(2)
      const { note, size } = await audit.checkpoint({ key: key.path, to })
      assert.equal(size, first.size + 2)
      for (const text of [
        readFileSync(at("last"), "utf8"),
        readFileSync(at("told"), "utf8"),
        server.kept.get("/spend"),
      ]) {
        assert.equal(text, note)
      }
      assert.deepEqual(
        readdirSync(at("all")),
        [first.size, size].map((each) => `${String(each).padStart(16, "0")}.txt`),
      )
      assert(server.seen.every((line) => line.endsWith("Bearer x")))
      assert((await verifyNote(note, { keys: [key.publicKey] })).ok)
    } finally {
      server.close()
    }
  })

  test("is told whole to one file by several at once", async () => {
    await using audit = await AuditDesk.open({ ledger })
    await using other = await AuditDesk.open({ ledger })
    const to = [{ file: at("last") }]
    await Promise.all([audit, other, audit, other].map((each) => each.checkpoint({ key: key.path, to })))
    assert((await verifyNote(readFileSync(at("last"), "utf8"), { keys: [key.publicKey] })).ok)
    assert.deepEqual(
      readdirSync(at("")).filter((name) => name.startsWith("last")),
      ["last"],
    )
  })

  test("is kept where a target fails, the others are told, and the error says which without its secrets", async () => {
    const server = await store()
    server.answer(503)
    try {
      await using audit = await AuditDesk.open({ ledger })
      const url = `${server.url.replace("//", "//user:secret@")}/spend?token=secret`
      const failing = [
        { url },
        { command: ["false"] },
        { command: [at("no-such-program")] },
        { file: at("key/x") },
      ]
      for (const target of failing) {
        const signing = audit.checkpoint({ key: key.path, to: [target, { file: at("last") }] })
        const isTold = (error: NornrError) =>
          error.code === "target_failed" && !error.message.includes("secret")
        await assert.rejects(signing, isTold, JSON.stringify(target))
      }
      assert.equal((await audit.lastCheckpoint())?.size, 1)
    } finally {
      server.close()
    }
  })

  test("names the option that is none", async () => {
    await using audit = await AuditDesk.open({ ledger })
    const wrong = [
      5,
      [{}],
      [{ file: "" }],
      [{ file: "a", url: "b" }],
      [{ url: "ftp://x" }],
      [{ command: [] }],
      [{ url: "http://x", headers: { a: 1 } }],
    ]
    for (const to of wrong) {
      await assert.rejects(
        audit.checkpoint({ key: key.path, to: to as never }),
        { code: "invalid_option" },
        JSON.stringify(to),
      )
    }
  })
})

describe("published checkpoints", () => {
  const until = async (isTrue: () => boolean) => {
    for (let turn = 0; turn < 200 && !isTrue(); turn++) await pause(50)
    assert(isTrue())
  }
  const published = () => (existsSync(at("last")) ? sizeOf(readFileSync(at("last"), "utf8")) : 0)

  test("come at the start, after so many events, after so long, and at the end", async () => {
    const publishing = await publishCheckpoints({
      ledger,
      key: key.path,
      to: [{ file: at("last") }],
      everyEvents: 3,
      everySeconds: 2,
    })
    assert.equal(published(), 1)
    await spend(5)
    await until(() => published() === 6)
    await spend(1)
    await until(() => published() === 7)
    await spend(1)
    await publishing.close()
    assert.equal(published(), 8)
  })

  test("go on after a failure, which is told, and never sign another story", async () => {
    const errors: string[] = []
    const server = await store()
    const to = [{ url: `${server.url}/spend` }]
    const onError = ({ code }: NornrError) => void errors.push(code)
    const publishing = await publishCheckpoints({ ledger, key: key.path, to, everyEvents: 1, onError })
    server.answer(500)
    await spend(1)
    await until(() => errors.length > 0)
    server.answer(0)
    await publishing.close()
    assert.equal(sizeOf(server.kept.get("/spend") ?? ""), 2)
    assert.deepEqual([...new Set(errors)], ["target_failed"])
    const other = at("other.db")
    await using _other = await Wallet.create({ owner: "o", dailyLimit: 100, ledger: other })
    await assert.rejects(publishCheckpoints({ ledger: other, key: key.path, to }), {
      code: "ledger_rolled_back",
    })
    server.close()
  })

  test("refuse options that are none", async () => {
    const options = { ledger, key: key.path, to: [] }
    for (const wrong of [{ everyEvents: 0 }, { everySeconds: 1.5 }, { every: 5 }, { to: 5 }]) {
      await assert.rejects(publishCheckpoints({ ...options, ...wrong } as never), { code: "invalid_option" })
    }
    writeFileSync(at("bad"), "x", { mode: 0o600 })
    await assert.rejects(publishCheckpoints({ ...options, key: at("bad") }), { code: "invalid_option" })
    await assert.rejects(publishCheckpoints({ ...options, ledger: at("none.db") }), {
      code: "wallet_not_found",
    })
  })
})
