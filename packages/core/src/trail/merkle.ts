import { equalBytes, joinBytes } from "./bytes.ts"
import { sha256Bytes } from "./digest.ts"

/** The Merkle tree hash of RFC 6962 §2.1, and its proofs as RFC 9162 §2.1.3 and §2.1.4 verify them. */

const leafPrefix = Uint8Array.of(0)
const nodePrefix = Uint8Array.of(1)

export function leafHash(data: Uint8Array): Uint8Array {
  return sha256Bytes(joinBytes([leafPrefix, data]))
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256Bytes(joinBytes([nodePrefix, left, right]))
}

/** The root of no leaves. */
export function emptyRoot(): Uint8Array {
  return sha256Bytes(new Uint8Array())
}

/** A tree that grows leaf by leaf and keeps no more than the roots of its complete subtrees. */
export class Frontier {
  size = 0
  readonly #subtrees: Uint8Array[] = []

  add(leaf: Uint8Array): void {
    let root = leaf
    for (let left = this.size; left % 2 === 1; left = (left - 1) / 2) {
      root = nodeHash(this.#subtrees.pop() as Uint8Array, root)
    }
    this.#subtrees.push(root)
    this.size++
  }

  root(): Uint8Array {
    return this.#subtrees.length === 0
      ? emptyRoot()
      : this.#subtrees.reduceRight((right, left) => nodeHash(left, right))
  }
}

/** Gives the root of the complete subtree of leaves from `first` on, `count` (a power of two, dividing `first`). */
export type Subtrees = (first: number, count: number) => Promise<Uint8Array>

/** The largest power of two below `count`. */
function split(count: number): number {
  let half = 1
  while (half * 2 < count) half *= 2
  return half
}

function isComplete(count: number): boolean {
  return split(count + 1) === count
}

/** The root of the leaves from `first` on. */
export async function rootOf(subtrees: Subtrees, first: number, count: number): Promise<Uint8Array> {
  if (count === 0) return emptyRoot()
  if (isComplete(count)) return subtrees(first, count)
  const half = split(count)
  return nodeHash(await rootOf(subtrees, first, half), await rootOf(subtrees, first + half, count - half))
}

/** The audit path of a leaf in the tree of the first `size` leaves (RFC 6962 §2.1.1). */
export async function inclusionProof(
  subtrees: Subtrees,
  index: number,
  size: number,
  first: number = 0,
): Promise<Uint8Array[]> {
  if (size <= 1) return []
  const half = split(size)
  return index < half
    ? [
        ...(await inclusionProof(subtrees, index, half, first)),
        await rootOf(subtrees, first + half, size - half),
      ]
    : [
        ...(await inclusionProof(subtrees, index - half, size - half, first + half)),
        await rootOf(subtrees, first, half),
      ]
}

/** The proof that the first `from` leaves of the tree of `to` are as they were (RFC 6962 §2.1.2). */
export async function consistencyProof(subtrees: Subtrees, from: number, to: number): Promise<Uint8Array[]> {
  return from === 0 || from === to ? [] : subproof(subtrees, from, 0, to, true)
}

async function subproof(
  subtrees: Subtrees,
  from: number,
  first: number,
  count: number,
  isKnown: boolean,
): Promise<Uint8Array[]> {
  if (from === count) return isKnown ? [] : [await rootOf(subtrees, first, count)]
  const half = split(count)
  return from <= half
    ? [
        ...(await subproof(subtrees, from, first, half, isKnown)),
        await rootOf(subtrees, first + half, count - half),
      ]
    : [
        ...(await subproof(subtrees, from - half, first + half, count - half, false)),
        await rootOf(subtrees, first, half),
      ]
}

/** RFC 9162 §2.1.3.2. */
export function isIncluded(
  leaf: Uint8Array,
  { index, size, root }: { readonly index: number; readonly size: number; readonly root: Uint8Array },
  hashes: readonly Uint8Array[],
): boolean {
  if (index < 0 || index >= size) return false
  let [node, last] = [index, size - 1]
  let hash = leaf
  for (const each of hashes) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(each, hash)
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)]
    } else hash = nodeHash(hash, each)
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && equalBytes(hash, root)
}

/** A tree that was signed. */
export interface SignedTree {
  readonly size: number
  readonly root: Uint8Array
}

/** RFC 9162 §2.1.4.2; every tree is consistent with the empty one. */
export function isConsistent(from: SignedTree, to: SignedTree, hashes: readonly Uint8Array[]): boolean {
  if (from.size > to.size) return false
  if (from.size === to.size) return hashes.length === 0 && equalBytes(from.root, to.root)
  if (from.size === 0) return hashes.length === 0 && equalBytes(from.root, emptyRoot())
  const path = isComplete(from.size) ? [from.root, ...hashes] : hashes
  let [node, last] = [from.size - 1, to.size - 1]
  while (node % 2 === 1) [node, last] = [(node - 1) / 2, Math.floor(last / 2)]
  const [start, ...rest] = path
  if (start === undefined || hashes.length === 0) return false
  let [old, now] = [start, start]
  for (const each of rest) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      old = nodeHash(each, old)
      now = nodeHash(each, now)
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)]
    } else now = nodeHash(now, each)
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && equalBytes(old, from.root) && equalBytes(now, to.root)
}
