import assert from 'node:assert/strict'
import { test } from 'node:test'
import { murmur2, partitionForKey } from './partitioner.ts'

// The vectors of apache/kafka, clients/.../common/utils/UtilsTest.java, testMurmur2.
const vectors: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
]

test('murmur2 gives the hashes that Kafka gives', () => {
  for (const [text, hash] of vectors) assert.equal(murmur2(Buffer.from(text)), hash, text)
})

test('a key lands in the partition that a Kafka producer chooses', () => {
  for (const [text, hash] of vectors) {
    assert.equal(partitionForKey(Buffer.from(text), 7), (hash & 0x7fffffff) % 7, text)
  }
})
