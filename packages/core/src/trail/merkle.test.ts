import assert from "node:assert/strict"
import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, test } from "vitest"
import { textOfBytes } from "./bytes.ts"
import {
  consistencyProof,
  Frontier,
  inclusionProof,
  isConsistent,
  isIncluded,
  leafHash,
  rootOf,
  type Subtrees,
} from "./merkle.ts"

/** The definition of RFC 6962 §2.1, word by word: slow, and by Node's own streaming hash. */
function definition(leaves: readonly Uint8Array[]): Uint8Array {
  const hash = (...parts: readonly Uint8Array[]) =>
    parts.reduce((sum, part) => sum.update(part), createHash("sha256")).digest()
  if (leaves.length === 0) return hash()
  if (leaves.length === 1) return hash(Uint8Array.of(0), leaves[0] as Uint8Array)
  const half = 2 ** (Math.ceil(Math.log2(leaves.length)) - 1)
  return hash(Uint8Array.of(1), definition(leaves.slice(0, half)), definition(leaves.slice(half)))
}

const subtreesOf =
  (leaves: readonly Uint8Array[]): Subtrees =>
  async (first, count) =>
    definition(leaves.slice(first, first + count))

const hex = (bytes: Uint8Array) => textOfBytes(bytes, "hex")
const data = Array.from({ length: 65 }, (_, index) => Uint8Array.of(index, 7))

/** The leaves that the test suites of Certificate Transparency use, and the roots of the first n of them. */
const known = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
]
const knownRoots = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

describe("the tree", () => {
  test("has the roots of RFC 6962's known answers", () => {
    const frontier = new Frontier()
    assert.equal(hex(frontier.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    for (const [index, leaf] of known.entries()) {
      frontier.add(leafHash(Buffer.from(leaf, "hex")))
      assert.equal(hex(frontier.root()), knownRoots[index])
    }
  })

  test("has, at every size to 64, the root of the definition, from leaves and from subtrees", async () => {
    const frontier = new Frontier()
    for (let size = 0; size <= 64; size++) {
      const expected = hex(definition(data.slice(0, size)))
      assert.equal(hex(frontier.root()), expected)
      assert.equal(hex(await rootOf(subtreesOf(data), 0, size)), expected)
      frontier.add(leafHash(data[size] as Uint8Array))
    }
  })

  test("proves every leaf in every tree to 64, and in no other tree, place or for no other leaf", async () => {
    for (let size = 1; size <= 64; size++) {
      const root = definition(data.slice(0, size))
      for (let index = 0; index < size; index++) {
        const proof = await inclusionProof(subtreesOf(data), index, size)
        const leaf = leafHash(data[index] as Uint8Array)
        assert(isIncluded(leaf, { index, size, root }, proof))
        assert(!isIncluded(leafHash(data[index + 1] as Uint8Array), { index, size, root }, proof))
        assert(!isIncluded(leaf, { index: (index + 1) % (size + 1), size, root }, proof))
        assert(!isIncluded(leaf, { index, size, root: leaf.map((byte) => byte ^ 1) }, proof))
        assert(!isIncluded(leaf, { index, size, root }, [...proof, root]))
        assert(proof.length === 0 || !isIncluded(leaf, { index, size, root }, proof.slice(1)))
      }
    }
  })

  test("proves every growth to 64, and no other", async () => {
    const tree = (size: number) => ({ size, root: definition(data.slice(0, size)) })
    for (let from = 0; from <= 64; from++) {
      for (let to = from; to <= 64; to++) {
        const proof = await consistencyProof(subtreesOf(data), from, to)
        assert(isConsistent(tree(from), tree(to), proof), `${from} to ${to}`)
        assert(!isConsistent(tree(from), tree(to), [...proof, tree(to).root]))
        assert(!isConsistent(tree(to + 1), tree(from), proof))
        const other = { size: from, root: definition(data.slice(1, from + 1)) }
        if (from > 0) assert(!isConsistent(other, tree(to), proof))
      }
    }
  })

  test("shows any changed bit of any proof", async () => {
    const cases = fc.tuple(
      fc.integer({ min: 2, max: 64 }),
      fc.nat(),
      fc.nat(),
      fc.integer({ min: 0, max: 255 }),
    )
    const property = fc.asyncProperty(cases, async ([size, which, where, bit]) => {
      const index = which % size
      const proof = await inclusionProof(subtreesOf(data), index, size)
      const forged = proof.map((hash, at) =>
        at === where % proof.length
          ? hash.map((byte, place) => byte ^ (place === bit >> 3 ? 1 << (bit & 7) : 0))
          : hash,
      )
      const root = definition(data.slice(0, size))
      assert(!isIncluded(leafHash(data[index] as Uint8Array), { index, size, root }, forged))
    })
    await fc.assert(property, { numRuns: 500 })
  })
})
