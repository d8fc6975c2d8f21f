import assert from "node:assert/strict"
import { describe, test } from "vitest"
import { textOfBytes, utf8 } from "./bytes.ts"
import { signBytes, verifyBytes } from "./ed25519.ts"
import { emptyRoot } from "./merkle.ts"
import {
  newCheckpointKey,
  parseCheckpoint,
  parsePinnedKey,
  parsePrivateKey,
  privateKeyText,
  publicKeyText,
  signatureFault,
  signCheckpoint,
} from "./note.ts"

/** The example of Go's golang.org/x/mod/sumdb/note, from which the C2SP format was taken. */
const vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
const skey = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
const text =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
const signature =
  "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="

const tree = { size: 0, root: emptyRoot() }

describe("a signed note", () => {
  test("has the keys and the signature of Go's known answer", async () => {
    const key = parsePrivateKey(skey, "key")
    assert.equal(publicKeyText(key), vkey)
    assert.equal(privateKeyText(key), skey)
    const { id, publicKey } = parsePinnedKey(vkey, "key")
    const signed = signBytes(key.seed, utf8(text))
    assert.equal(textOfBytes(Uint8Array.from([...id, ...signed]), "base64"), signature)
    assert(await verifyBytes(publicKey, utf8(text), Uint8Array.from(signed)))
  })

  test("is read back, and counts by pinned keys of its origin alone", async () => {
    const key = newCheckpointKey("example.com/spend")
    const note = signCheckpoint(key, tree)
    const checkpoint = parseCheckpoint(note)
    assert(checkpoint !== undefined)
    assert.deepEqual(
      [checkpoint.origin, checkpoint.size, checkpoint.root],
      ["example.com/spend", 0, Uint8Array.from(tree.root)],
    )
    const pinned = parsePinnedKey(publicKeyText(key), "key")
    const other = parsePinnedKey(publicKeyText(newCheckpointKey("example.com/spend")), "key")
    assert.equal(await signatureFault(checkpoint, [other, pinned]), undefined)
    assert.equal(await signatureFault(checkpoint, [other]), "unknown_key")
    assert.equal(await signatureFault(checkpoint, []), "unknown_key")
    const renamed = parsePinnedKey(publicKeyText({ ...key, name: "example.com/other" }), "key")
    assert.equal(await signatureFault(checkpoint, [renamed]), "unknown_key")
    const b = newCheckpointKey("example.com/other")
    const signed = signBytes(b.seed, utf8(checkpoint.text))
    const line = textOfBytes(
      Uint8Array.from([...parsePinnedKey(publicKeyText(b), "b").id, ...signed]),
      "base64",
    )
    const anothers = parseCheckpoint(`${checkpoint.text}\n\u2014 example.com/other ${line}\n`)
    assert(anothers !== undefined)
    assert.equal(
      await signatureFault(anothers, [parsePinnedKey(publicKeyText(b), "b")]),
      "unknown_key",
      "a key signs for its own log alone",
    )
    const forged = parseCheckpoint(note.replace("\n0\n", "\n1\n"))
    assert(forged !== undefined)
    assert.equal(await signatureFault(forged, [pinned]), "bad_signature")
    const witnessed = parseCheckpoint(`${note}\u2014 witness.example AAAAAAAA\n`)
    assert(witnessed !== undefined)
    assert.equal(await signatureFault(witnessed, [pinned]), undefined)
  })

  test("is none in any other form", () => {
    const note = signCheckpoint(newCheckpointKey("a"), tree)
    const others = [
      note.trimEnd(),
      `${note}x`,
      `${note}\n`,
      note.replace("\n0\n", "\n00\n"),
      note.replace("\n0\n", "\n-1\n"),
      note.replace("\n0\n", "\n99999999999999999\n"),
      note.replace("\n0\n", "\n\n"),
      note.replace("=\n\n", "=\nextension\n\n"),
      note.replace("=\n\n", "=\n"),
      note.replace("\u2014", "-"),
      note.slice(0, note.indexOf("\u2014")),
      "",
      7,
      undefined,
    ]
    for (const other of others) assert.equal(parseCheckpoint(other), undefined, String(other))
  })

  test("refuses keys that are none, and never shows a private one", () => {
    for (const bad of [undefined, "", vkey.replace("c74f", "c74e"), vkey.slice(0, -4), skey]) {
      const shows = ({ code, message }: { code: string; message: string }) =>
        code === "invalid_option" && !message.includes("AYEKFALV")
      assert.throws(() => parsePinnedKey(bad, "keys[0]"), shows)
    }
    for (const bad of [undefined, vkey, skey.replace("c74f", "c74e"), skey.slice(0, -4)]) {
      const shows = (error: Error) =>
        !error.message.includes("AYEKFALV") && error.message.startsWith("key is no")
      assert.throws(() => parsePrivateKey(bad, "key"), shows)
    }
    for (const name of ["", "a b", "a+b", "a\n", "x".repeat(201)]) {
      assert.throws(() => newCheckpointKey(name), { code: "invalid_option" }, name)
    }
  })
})
