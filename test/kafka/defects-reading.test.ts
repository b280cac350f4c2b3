/** Of the library's defects (see `defects.test.ts`) those of reading and of encoding. */
import { createRecordsBatch } from '@platformatic/kafka'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchCodec } from '../../src/log/batch-codec.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import {
  firstValue,
  libraryConsumer,
  libraryTopic,
  readMessages,
  transactionalLibraryProducer,
  type LibraryProducer,
} from './support/library-clients.ts'
import { committedValues, ourLog } from './support/our-log.ts'

kafkaTest('library: two aborted transactions in one answer leak the first', async (kafka, t) => {
  const topic = await libraryTopic(t, kafka)
  const producer = transactionalLibraryProducer(t, kafka)
  await abortedTransaction(producer, topic, ['aborted 1'])
  await abortedTransaction(producer, topic, ['aborted 2'])
  await committedTransaction(producer, topic, 'kept')
  const messages = await readMessages(libraryConsumer(t, kafka), topic, isKept)
  // It keeps one aborted range a producer.
  assert.deepEqual(valuesOf(messages), [firstValue, 'aborted 1', 'kept'])
})

kafkaTest(
  'library: aborted records leak when their marker comes with a later answer',
  async (kafka, t) => {
    const topic = await libraryTopic(t, kafka)
    const producer = transactionalLibraryProducer(t, kafka)
    const aborted = [1, 2, 3, 4].map((number) => `aborted ${number} ${'.'.repeat(2_000)}`)
    await abortedTransaction(producer, topic, aborted)
    await committedTransaction(producer, topic, 'kept')
    const consumer = libraryConsumer(t, kafka, { maxBytes: 3_000 })
    const messages = await readMessages(consumer, topic, isKept)
    const leaked = valuesOf(messages).filter((value) => value.startsWith('aborted'))
    assert.ok(leaked.length >= 2, `${leaked.length} leaked`)
  },
)

kafkaTest(
  'ours: no record of an aborted transaction is read, wherever an answer ends',
  async (kafka, t) => {
    const { log, topic } = await ourLog(t, kafka, 1)
    const producer = transactionalLibraryProducer(t, kafka)
    const aborted = [1, 2, 3, 4].map((number) => `aborted ${number} ${'.'.repeat(2_000)}`)
    await abortedTransaction(producer, topic, aborted)
    await abortedTransaction(producer, topic, ['aborted 5'])
    await committedTransaction(producer, topic, 'kept 1')
    await abortedTransaction(producer, topic, ['aborted 6'])
    await committedTransaction(producer, topic, 'kept 2')
    for (const fetchBytesMax of [100, 3_000, 1_000_000]) {
      assert.deepEqual(await committedValues(log, topic, fetchBytesMax), ['kept 1', 'kept 2'])
    }
  },
)

void test('library: a record costs an allocation for each of its fields; our encoder none', (t) => {
  const recordCount = 1_000
  const value = Buffer.alloc(100)
  const key = Buffer.alloc(10)
  const messages = Array.from({ length: recordCount }, () => {
    return { topic: 'any', key, value, headers: new Map<Buffer, Buffer>(), timestamp: 1n }
  })
  const records = messages.map(() => ({ key, value, timestampMs: 1 }))
  const codec = batchCodec({ name: 'kafka', compression: 'none' })
  const kinds = ['allocUnsafe', 'allocUnsafeSlow', 'alloc', 'from'] as const
  const allocationsOf = (encode: () => unknown) => {
    const mocks = kinds.map((kind) => t.mock.method(Buffer, kind))
    encode()
    const count = mocks.reduce((sum, { mock }) => sum + mock.callCount(), 0)
    for (const { mock } of mocks) mock.restore()
    return count
  }
  const library = allocationsOf(() => createRecordsBatch(messages, {}))
  const ours = allocationsOf(() => codec.encode(records, 1_000_000))
  t.diagnostic(
    `${library / recordCount} buffers a record by the library, ${ours / recordCount} by ours`,
  )
  assert.ok(library >= 5 * recordCount, `${library} allocations by the library`)
  assert.ok(ours < 10, `${ours} allocations by ours`)
})

async function abortedTransaction(producer: LibraryProducer, topic: string, values: string[]) {
  const transaction = await producer.beginTransaction()
  // A batch each.
  for (const value of values) await transaction.send({ messages: [{ topic, value }] })
  await transaction.abort()
}

async function committedTransaction(producer: LibraryProducer, topic: string, value: string) {
  const transaction = await producer.beginTransaction()
  await transaction.send({ messages: [{ topic, value }] })
  await transaction.commit()
}

function isKept(value: string): boolean {
  return value === 'kept'
}

function valuesOf(messages: readonly { value: string }[]): string[] {
  return messages.map(({ value }) => value)
}
