import assert from "node:assert/strict"
import { execFile } from "node:child_process"
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { createServer } from "node:http"
import { join } from "node:path"
import { Readable } from "node:stream"
import { setTimeout as pause } from "node:timers/promises"
import { inspect, promisify } from "node:util"
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
const until = async (isTrue: () => boolean) => {
  for (let turn = 0; turn < 200 && !isTrue(); turn++) await pause(50)
  assert(isTrue())
}
const sizeOf = (note: string) => Number(note.split("\n")[1])

const endless = () =>
  Readable.from(
    (function* () {
      for (;;) yield "x".repeat(65_536)
    })(),
  )

/** An HTTP server that keeps what is put, as an object store does; it can be told to fail. */
async function store() {
  const kept = new Map<string, string>()
  const seen: string[] = []
  let status = 0
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.headers.authorization ?? ""}`)
    if (request.url === "/broken")
      return void response.writeHead(200, { "content-length": 9 }).end("x", () => response.destroy())
    if (request.url === "/moved") return void response.writeHead(302, { location: "/elsewhere" }).end()
    if (request.url === "/put-only" && request.method === "GET") return void response.writeHead(405).end()
    if (request.url === "/endless") return void endless().pipe(response.on("close", () => response.destroy()))
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
    for (const mode of [0o644, 0o640]) {
      chmodSync(key.path, mode)
      await assert.rejects(audit.checkpoint({ key: key.path }), {
        code: "invalid_option",
        message: /chmod 600/,
      })
    }
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
      const failing = [
        { url: `${server.url}/spend?token=secret`, headers: { authorization: "secret" } },
        { url: `${server.url}/endless` },
        { url: `${server.url}/broken` },
        { url: "http://127.0.0.1:1/spend?token=secret" },
        { command: ["false"] },
        { command: [at("no-such-program")] },
        { command: ["true", "x".repeat(3_000_000)] },
        { file: at("key/x") },
      ]
      for (const [index, target] of failing.entries()) {
        await spend(1)
        const signing = audit.checkpoint({ key: key.path, to: [target, { file: at("last") }] })
        const isTold = (error: NornrError) =>
          error.code === "target_failed" && !inspect(error).includes("secret")
        await assert.rejects(signing, isTold, JSON.stringify(target).slice(0, 100))
        assert.equal((await audit.lastCheckpoint())?.size, index + 2)
        assert.equal(sizeOf(readFileSync(at("last"), "utf8")), index + 2)
      }
    } finally {
      server.close()
    }
  })

  test("is put where nothing may be read, and follows nobody elsewhere with its headers", async () => {
    const server = await store()
    await using audit = await AuditDesk.open({ ledger })
    const headers = { authorization: "Bearer secret" }
    const { note } = await audit.checkpoint({
      key: key.path,
      to: [{ url: `${server.url}/put-only`, headers }],
    })
    assert.equal(server.kept.get("/put-only"), note)
    const elsewhere = audit.checkpoint({ key: key.path, to: [{ url: `${server.url}/moved`, headers }] })
    await assert.rejects(elsewhere, { code: "target_failed" })
    assert(!server.kept.has("/elsewhere"))
    server.close()
  })

  test("that is older and comes late does not stay the last", async () => {
    await using audit = await AuditDesk.open({ ledger })
    const keep = `cat > "$0.$$"; [ "$(sed -n 2p "$0.$$")" != 1 ] || until [ -e "$0.go" ]; do sleep 0.02; done; mv "$0.$$" "$0"`
    const to = [{ command: ["sh", "-c", keep, at("told")] }]
    const slow = audit.checkpoint({ key: key.path, to })
    await until(() => readdirSync(folder.path).some((name) => name.startsWith("told.")))
    await spend(2)
    await audit.checkpoint({ key: key.path, to })
    writeFileSync(at("told.go"), "")
    assert.equal((await slow).size, 1)
    assert.equal(sizeOf(readFileSync(at("told"), "utf8")), 3)
  })

  test("is refused where more was signed before, by a key that was replaced or under what is no checkpoint", async () => {
    const [file, directory] = [at("last"), at("all")]
    copyFileSync(ledger, at("old.db"))
    await spend(5)
    await using audit = await AuditDesk.open({ ledger })
    const { note } = await audit.checkpoint({ key: key.path, to: [{ file }, { directory }] })
    writeFileSync(join(directory, "9999999999999999.txt"), "garbage")
    const next = await createCheckpointKey(at("next"), "example.com/spend")
    await using desk = await ReviewDesk.open({ ledger: at("old.db"), reviewer: "ana" })
    await desk.recordCheckpointKey(next.publicKey, { previous: key.path })
    await using old = await AuditDesk.open({ ledger: at("old.db") })
    for (const target of [{ file }, { directory }]) {
      const signing = old.checkpoint({ key: next.path, to: [target] })
      await assert.rejects(signing, { code: "ledger_rolled_back" }, JSON.stringify(target))
    }
    assert.equal(readFileSync(file, "utf8"), note)
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
      [{ url: "http://user:secret@x" }],
      [{ command: [""] }],
      [{ command: ["a", "b\0c"] }],
      [{ url: "http://x", headers: { a: 1 } }],
      [{ url: "http://x", headers: { a: "secret\nx" } }],
    ]
    for (const to of wrong) {
      await assert.rejects(
        audit.checkpoint({ key: key.path, to: to as never }),
        (error: NornrError) => error.code === "invalid_option" && !inspect(error).includes("secret"),
        JSON.stringify(to),
      )
    }
  })
})

describe("published checkpoints", () => {
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

  test("keep no process alive", async () => {
    const script = `
      import { publishCheckpoints } from ${JSON.stringify(join(import.meta.dirname, "../index.ts"))}
      await publishCheckpoints({ ledger: ${JSON.stringify(ledger)}, key: ${JSON.stringify(key.path)}, to: [] })`
    await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { timeout: 10_000 })
  })

  test("refuse options that are none", async () => {
    const options = { ledger, key: key.path, to: [] }
    for (const wrong of [
      { everyEvents: 0 },
      { everySeconds: 1.5 },
      { every: 5 },
      { to: 5 },
      { onError: 5 },
    ]) {
      await assert.rejects(publishCheckpoints({ ...options, ...wrong } as never), { code: "invalid_option" })
    }
    writeFileSync(at("bad"), "x", { mode: 0o600 })
    await assert.rejects(publishCheckpoints({ ...options, key: at("bad") }), { code: "invalid_option" })
    await assert.rejects(publishCheckpoints({ ...options, ledger: at("none.db") }), {
      code: "wallet_not_found",
    })
  })
})
