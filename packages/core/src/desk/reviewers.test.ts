import assert from "node:assert/strict"
import { generateKeyPairSync } from "node:crypto"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { describe, test } from "vitest"
import { requireError } from "../../test/require-error.ts"
import { call, counter, fail, lastData, queue, soundly, terms, used } from "../../test/stage.ts"
import { temporaryFolder } from "../../test/temporary-folder.ts"
import type { Decision } from "../spend/decision.ts"
import { testWallet } from "../testing/index.ts"
import { Wallet } from "../wallet/wallet.ts"
import { ReviewDesk } from "./review-desk.ts"

describe("reviewing oneself", () => {
  test("is refused to the owner and to the agent, unless it is allowed, and then marked", async () => {
    const stage = await testWallet({ ...terms, owner: "shopper" })
    const asked = await stage.wallet.pay({ amount: 30, to: "openai", run: { agent: "buyer" } })
    const { ledger } = stage
    for (const reviewer of ["shopper", "buyer"]) {
      await using desk = await ReviewDesk.open({ ledger, clock: stage.clock, reviewer })
      for (const act of [desk.approve(asked), desk.reject(asked), desk.revoke("buyer")]) {
        await assert.rejects(act, (error) =>
          requireError(error, "reviewer_refused", /cannot review what it spends/),
        )
      }
    }
    await using desk = await ReviewDesk.open({
      ledger,
      clock: stage.clock,
      reviewer: "buyer",
      allowSelfApproval: true,
    })
    await desk.approve(asked)
    assert.equal((await lastData(stage))["selfApproved"], true)
    await desk.unfreeze({ owner: "shopper", agent: "buyer" })
    assert.equal((await lastData(stage))["selfApproved"], true)
    await desk.attach(asked, { kind: "invoice", url: "urn:invoice:1" })
    assert.equal((await lastData(stage))["selfApproved"], true)
    await using other = await ReviewDesk.open({ ledger, clock: stage.clock, reviewer: "ana" })
    await other.attach(asked, { kind: "invoice", url: "urn:invoice:2" })
    assert.equal((await lastData(stage))["selfApproved"], undefined)
    await soundly(stage)
  })

  test("is not helped by a wallet: an agent cannot release what is the desk's", async () => {
    const stage = await testWallet(terms)
    const { decision } = await fail(stage)
    const agent = stage.wallet.forAgent("buyer")
    for (const end of [stage.wallet.release(decision), stage.wallet.settle(decision, 0)])
      await assert.rejects(end, { code: "desk_only" })
    await assert.rejects(agent.release(decision), { code: "decision_not_found" })
    assert.deepEqual(await used(stage), ["5.00", "0.00"])
    assert(!("approve" in stage.wallet))
  })
})

describe("reviewers with keys", () => {
  const pair = () => generateKeyPairSync("ed25519")
  const pem = (key: ReturnType<typeof pair>) => ({
    publicKey: key.publicKey.export({ type: "spki", format: "pem" }) as string,
    privateKey: key.privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  })

  const keyed = async () => {
    const ana = pem(pair())
    const stage = await testWallet({ ...terms, reviewers: [{ name: "ana", publicKey: ana.publicKey }] })
    const open = (reviewer: string, privateKey?: string) =>
      ReviewDesk.open({
        ledger: stage.ledger,
        clock: stage.clock,
        reviewer,
        ...(privateKey === undefined ? {} : { privateKey }),
      })
    return { ...stage, ana, open }
  }

  test("sign an approval, and the tool runs on it", async () => {
    const stage = await keyed()
    const { decision } = await queue(stage)
    const desk = await stage.open("ana", stage.ana.privateKey)
    await desk.approve(decision)
    const tool = counter()
    assert.equal((await stage.wallet.govern({ ...call, amount: 30 }, tool.run)).status, "done")
    assert.equal(tool.runs, 1)
    await soundly(stage)
  })

  test("are not others with their name, no key, or a key of their own", async () => {
    const stage = await keyed()
    const { decision } = await queue(stage)
    const forged = pem(pair()).privateKey
    for (const [reviewer, key] of [
      ["ana", undefined],
      ["ana", forged],
      ["eve", forged],
      ["eve", stage.ana.privateKey],
    ] as const) {
      const desk = await stage.open(reviewer, key)
      const acts = [
        desk.approve(decision),
        desk.reject(decision),
        desk.freeze(),
        desk.amend({ requireApprovalAbove: null }),
        desk.amend({ reviewers: null }),
      ]
      for (const act of acts) await assert.rejects(act, { code: "reviewer_refused" })
    }
    assert.equal((await stage.wallet.decision(decision.id))?.status, "queued")
  })

  test("are looked for again at the claim: a forged approval in the ledger runs nothing", async () => {
    const stage = await keyed()
    const { decision } = await queue(stage)
    const desk = await stage.open("ana", stage.ana.privateKey)
    await desk.approve(decision)
    const other = pem(pair()).publicKey
    await desk.amend({ reviewers: [{ name: "ana", publicKey: other }] })
    const tool = counter()
    const outcome = await stage.wallet.govern({ ...call, amount: 30 }, tool.run)
    assert.deepEqual(
      [outcome.status, outcome.decision.reasons[0]?.code, tool.runs],
      ["rejected", "approval_unsigned", 0],
    )
    await soundly(stage)
  })

  /** A queued call's ledger file is changed by hand; the call is made again. */
  async function tamper(change: (file: DatabaseSync, decision: Decision) => void) {
    const folder = temporaryFolder()
    const ledger = join(folder.path, "ledger.db")
    const reviewers = [{ name: "ana", publicKey: pem(pair()).publicKey }]
    await using wallet = await Wallet.create({ owner: "o", ...terms, reviewers, ledger })
    const tool = counter()
    const { decision } = await wallet.govern({ ...call, amount: 30 }, tool.run)
    const file = new DatabaseSync(ledger)
    change(file, decision)
    file.close()
    const { ok } = await wallet.verify()
    const again = await wallet.govern({ ...call, amount: 30 }, tool.run)
    folder.remove()
    return { ok, seen: [again.decision.reasons[0]?.code, tool.runs] }
  }

  test("cannot be forged in the ledger file: what was approved there runs nothing, and verifying finds it", async () => {
    const forged = await tamper((file, { id, approval }) => {
      const signed = { ...approval, state: "approved", by: "ana", at: Date.now(), signature: "AAAA" }
      const forge =
        "UPDATE spend SET body = json_set(body, '$.state', 'approved', '$.approval', json(?)) WHERE id = ?"
      file.prepare(forge).run(JSON.stringify(signed), id)
    })
    assert.deepEqual(forged, { ok: false, seen: ["approval_unsigned", 0] })
  })

  test("cannot be done without by dropping the approval from the ledger file", async () => {
    const dropped = await tamper((file) =>
      file.exec("UPDATE spend SET body = json_set(json_remove(body, '$.approval'), '$.state', 'approved')"),
    )
    assert.deepEqual(dropped, { ok: false, seen: ["approval_unsigned", 0] })
  })

  test("are changed by a reviewer alone, never by code", async () => {
    const ana = pem(pair())
    const eve = pem(pair())
    const folder = temporaryFolder()
    const options = { owner: "o", ...terms, ledger: join(folder.path, "ledger.db") }
    await using wallet = await Wallet.create({
      ...options,
      reviewers: [{ name: "ana", publicKey: ana.publicKey }],
    })
    await (await Wallet.create(options)).close()
    for (const reviewers of [null, [], [{ name: "eve", publicKey: eve.publicKey }]]) {
      await assert.rejects(Wallet.create({ ...options, reviewers }), (error) =>
        requireError(error, "reviewer_refused", /desk\.amend\(\{ reviewers \}\)/),
      )
    }
    await using desk = await ReviewDesk.open({
      ledger: options.ledger,
      reviewer: "ana",
      privateKey: ana.privateKey,
    })
    await desk.amend({ reviewers: [{ name: "eve", publicKey: eve.publicKey }] })
    await assert.rejects(desk.freeze(), { code: "reviewer_refused" })
    assert.equal((await wallet.verify()).ok, true)
    folder.remove()
  })

  test("need Ed25519 keys, in any of the usual forms", async () => {
    const { publicKey } = pair()
    const der = publicKey.export({ type: "spki", format: "der" })
    const forms = [der.toString("base64"), der.subarray(12).toString("base64url")]
    for (const form of forms) await testWallet({ ...terms, reviewers: [{ name: "ana", publicKey: form }] })
    const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey
    const bad = [rsa.export({ type: "spki", format: "pem" }), "", "secret", 7]
    for (const key of bad) {
      const reviewers = [{ name: "ana", publicKey: key as string }]
      await assert.rejects(testWallet({ ...terms, reviewers }), /reviewers\[0\]\.publicKey is .*Ed25519/)
    }
  })
})
