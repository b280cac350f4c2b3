/** The keys of the three families. Fixed-size numbers are big-endian, so byte order is number order. */
import { encodeTuple } from '../core/tuple.ts'
import type { KeyPart } from '../core/tuple.ts'
import type { Offset, Partition } from '../core/record.ts'

const logKeyBytes = 16
const twoTo32 = 2 ** 32

/** A batch is kept under its *last* offset: the first key at or after an offset is the batch that holds it. */
export function logKey(topicNumber: number, partition: Partition, lastOffset: number): Buffer {
  const key = Buffer.allocUnsafe(logKeyBytes)
  key.writeUInt32BE(topicNumber, 0)
  key.writeUInt32BE(partition, 4)
  key.writeUInt32BE(Math.floor(lastOffset / twoTo32), 8)
  key.writeUInt32BE(lastOffset % twoTo32, 12)
  return key
}

export function lastOffsetOfLogKey(key: Buffer): Offset {
  return (key.readUInt32BE(8) * twoTo32 + key.readUInt32BE(12)) as Offset
}

/** The first key after all batches of the partition. */
export function logKeyEnd(topicNumber: number, partition: Partition): Buffer {
  return logKey(topicNumber, (partition + 1) as Partition, 0)
}

export function stateKey(storeNumber: number, partition: Partition, key: Buffer): Buffer {
  const full = Buffer.allocUnsafe(8 + key.length)
  full.writeUInt32BE(storeNumber, 0)
  full.writeUInt32BE(partition, 4)
  full.set(key, 8)
  return full
}

export const stateKeyPrefixBytes = 8
const noKey = Buffer.alloc(0)

/** The first key of the next (store, partition). */
export function stateKeyEnd(storeNumber: number, partition: Partition): Buffer {
  return stateKey(storeNumber, (partition + 1) as Partition, noKey)
}

export type MetaKind = 'topic' | 'log-start' | 'compacted' | 'offset' | 'producer' | 'store'

export function metaKey(kind: MetaKind, ...parts: readonly KeyPart[]): Buffer {
  return encodeTuple([kind, ...parts])
}

export function metaValue(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
