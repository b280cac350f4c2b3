/**
 * Kafka's default partitioner for records with a key, so that foreign producers put a key where we do:
 * murmur2 of the serialized key, its sign bit cleared, modulo the partition count
 * (apache/kafka `Utils.murmur2`, `BuiltInPartitioner.partitionForKey`).
 */
import type { Partition } from './record.ts'

const seed = 0x9747b28c
const multiplier = 0x5bd1e995

export function partitionForKey(keyBytes: Uint8Array, partitionCount: number): Partition {
  return ((murmur2(keyBytes) & 0x7fffffff) % partitionCount) as Partition
}

/** Signed 32 bits, as Java has it. */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes
  const wordsEnd = length & ~3
  let hash = seed ^ length
  for (let at = 0; at < wordsEnd; at += 4) {
    let word =
      byteAt(bytes, at) |
      (byteAt(bytes, at + 1) << 8) |
      (byteAt(bytes, at + 2) << 16) |
      (byteAt(bytes, at + 3) << 24)
    word = Math.imul(word, multiplier)
    word ^= word >>> 24
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier)
  }
  const rest = length & 3
  if (rest === 3) hash ^= byteAt(bytes, wordsEnd + 2) << 16
  if (rest >= 2) hash ^= byteAt(bytes, wordsEnd + 1) << 8
  if (rest >= 1) hash = Math.imul(hash ^ byteAt(bytes, wordsEnd), multiplier)
  hash = Math.imul(hash ^ (hash >>> 13), multiplier)
  return hash ^ (hash >>> 15)
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] as number
}
