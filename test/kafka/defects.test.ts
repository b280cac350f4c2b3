/**
 * What the high-level clients of `@platformatic/kafka` 2.12.1 do on a real broker, each with what ours does in its
 * place: the reasons of docs/decisions/0008-kafka-client-library.md. A test of the library's half that fails after
 * an upgrade tells that a defect is mended.
 */
import { findErrorBy, Reader } from '@platformatic/kafka'
import assert from 'node:assert/strict'
import { until } from '../../tools/kafka/cluster-view.ts'
import { systemClock, type Clock } from '../../src/core/clock.ts'
import type { Partition } from '../../src/core/record.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import {
  firstValue,
  libraryConsumer,
  libraryProducer,
  libraryTopic,
  readMessages,
  recordRequests,
  transactionalLibraryProducer,
} from './support/library-clients.ts'
import {
  commitOne,
  committedOffsetsOf,
  committedValues,
  offset,
  ourLog,
  ourLogOnly,
  partitionsOf,
  record,
} from './support/our-log.ts'

const offsetFetchKey = 9
const txnOffsetCommitKey = 28

kafkaTest(
  'library: a restart under the same transactional id is fenced for ever',
  async (kafka, t) => {
    const topic = await libraryTopic(t, kafka)
    // The very first producer id of a cluster is 0, which is what the library sends for "none".
    await transactionalLibraryProducer(t, kafka).beginTransaction()
    const transactionalId = kafka.unique('library')
    const first = transactionalLibraryProducer(t, kafka, transactionalId)
    const transaction = await first.beginTransaction()
    await transaction.send({ messages: [{ topic, value: 'one' }] })
    await transaction.commit()
    await first.close()
    for (let restart = 0; restart < 3; restart++) {
      const next = transactionalLibraryProducer(t, kafka, transactionalId)
      await assert.rejects(next.beginTransaction(), (error: Error) =>
        Boolean(findErrorBy(error, 'apiId', 'PRODUCER_FENCED')),
      )
    }
  },
)

kafkaTest(
  'ours: a restart under the same id fences the one before it and goes on',
  async (kafka, t) => {
    const { log, topic, name: group } = await ourLog(t, kafka, 1)
    const first = await log.transactionalProducer(group)
    await commitOne(first, topic, 'one')
    for (const value of ['two', 'three']) {
      const next = await ourLogOnly(t, kafka)
      await commitOne(await next.transactionalProducer(group), topic, value)
    }
    await assert.rejects(commitOne(first, topic, 'of a zombie'), { code: 'PRODUCER_FENCED' })
    assert.deepEqual(await committedValues(log, topic), ['one', 'two', 'three'])
  },
)

kafkaTest(
  'library: of concurrent sends in a transaction all but the first are refused',
  async (kafka, t) => {
    const topic = await libraryTopic(t, kafka, 4)
    const producer = transactionalLibraryProducer(t, kafka)
    const transaction = await producer.beginTransaction()
    const sends = [0, 1, 2, 3].map((partition) =>
      transaction.send({ messages: [{ topic, partition, value: 'sent' }] }),
    )
    const outcomes = await Promise.allSettled(sends)
    // One AddPartitionsToTxn went out for all, with the partition of the first.
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'rejected'],
    )
    await transaction.commit()
  },
)

kafkaTest(
  'ours: concurrent commits of one id all land, with all their offsets, in a few requests',
  async (kafka, t) => {
    const partitionCount = 4
    const transactionalId = kafka.unique('ours')
    const {
      log,
      topic,
      name: group,
    } = await ourLog(t, kafka, partitionCount, {
      transactions: { transactionalIdOf: () => transactionalId },
    })
    const producers = await Promise.all(
      partitionsOf(partitionCount).map((index) => log.transactionalProducer(`task ${index}`)),
    )
    const requests = recordRequests(t)
    await Promise.all(
      partitionsOf(partitionCount).map(async (index) => {
        const transaction = producers[index]!.begin()
        transaction.send({ topic, partition: index, records: [record('sent')] })
        transaction.sendOffsets({ groupId: group, generationId: -1, memberId: '' }, [
          { topic, partition: index, offset: offset(1) },
        ])
        await transaction.commit()
      }),
    )
    assert.deepEqual(await committedValues(log, topic), ['sent', 'sent', 'sent', 'sent'])
    assert.deepEqual(await committedOffsetsOf(log, group, topic, partitionCount), [1, 1, 1, 1])
    const commits = requests.filter(({ apiKey }) => apiKey === txnOffsetCommitKey)
    // The first may go alone; the others waited for it, and are one transaction.
    assert.ok(commits.length <= 2, `${commits.length} requests`)
  },
)

kafkaTest(
  'library: of concurrent offsets in a transaction one is committed, and nobody is told',
  async (kafka, t) => {
    const topic = await libraryTopic(t, kafka, 3)
    const consumer = libraryConsumer(t, kafka)
    const messages = await readMessages(consumer, topic, (_, count) => count === 3)
    const producer = transactionalLibraryProducer(t, kafka)
    const transaction = await producer.beginTransaction()
    await transaction.addConsumer(consumer)
    await Promise.all(messages.map((message) => transaction.addOffset(message)))
    await transaction.commit()
    // The coordinator of the group makes them visible a moment after the commit is answered.
    const committed = await until('an offset is committed', 10_000, async () => {
      const offsets = await committedBy(consumer, topic, 3)
      return offsets.includes(1n) ? offsets : undefined
    })
    assert.equal(committed.filter((offset) => offset === 1n).length, 1)
    assert.equal(committed.filter((offset) => offset === -1n).length, 2)
  },
)

kafkaTest(
  'library: offsets of a transaction go one a request, without the group instance',
  async (kafka, t) => {
    const topic = await libraryTopic(t, kafka, 3)
    const consumer = libraryConsumer(t, kafka, { groupInstanceId: 'pod-0' })
    const messages = await readMessages(consumer, topic, (_, count) => count === 3)
    const producer = transactionalLibraryProducer(t, kafka)
    const transaction = await producer.beginTransaction()
    await transaction.addConsumer(consumer)
    const requests = recordRequests(t)
    for (const message of messages) await transaction.addOffset(message)
    await transaction.commit()
    const commits = requests.filter(({ apiKey }) => apiKey === txnOffsetCommitKey)
    assert.equal(commits.length, 3)
    for (const { body } of commits) assert.equal(groupInstanceOf(body), null)
  },
)

kafkaTest('ours: offsets of a transaction name the static member', async (kafka, t) => {
  const { log, topic, name: group } = await ourLog(t, kafka, 2)
  const member = await log.joinGroup({
    groupId: group,
    topics: [topic],
    userData: () => Buffer.alloc(0),
    groupInstanceId: 'pod-0',
    onAssigned: () => Promise.resolve(),
    onRevoked: () => Promise.resolve(),
  })
  const producer = await log.transactionalProducer(group)
  const requests = recordRequests(t)
  const transaction = producer.begin()
  transaction.sendOffsets(
    member.metadata,
    partitionsOf(2).map((partition) => ({ topic, partition, offset: offset(1) })),
  )
  await transaction.commit()
  const commits = requests.filter(({ apiKey }) => apiKey === txnOffsetCommitKey)
  assert.deepEqual(
    commits.map(({ body }) => groupInstanceOf(body)),
    ['pod-0'],
  )
  await member.leave()
})

kafkaTest(
  'library: offsets are read while a transaction that moves them is open',
  async (kafka, t) => {
    const topic = await libraryTopic(t, kafka)
    const consumer = libraryConsumer(t, kafka)
    const messages = await readMessages(consumer, topic, (_, count) => count === 1)
    const producer = transactionalLibraryProducer(t, kafka)
    const transaction = await producer.beginTransaction()
    await transaction.addConsumer(consumer)
    for (const message of messages) await transaction.addOffset(message)
    const requests = recordRequests(t)
    // Whoever starts from here processes again what the open transaction is about to commit.
    assert.deepEqual(await committedBy(consumer, topic, 1), [-1n])
    const [fetch] = requests.filter(({ apiKey }) => apiKey === offsetFetchKey)
    // The last fields of OffsetFetch 9: `require_stable`, and no tagged fields.
    assert.deepEqual([...(fetch?.body.subarray(-2) ?? [])], [0, 0])
    await transaction.commit()
  },
)

kafkaTest(
  'ours: offsets are read when the transaction that moves them is over',
  async (kafka, t) => {
    const { log, topic, name: group } = await ourLog(t, kafka, 1)
    await log.append([{ topic, partition: 0 as Partition, records: [record(firstValue)] }])
    // Somebody else's, so that it stays open as long as the test wants.
    const consumer = libraryConsumer(t, kafka, { groupId: group })
    const messages = await readMessages(consumer, topic, (_, count) => count === 1)
    const producer = transactionalLibraryProducer(t, kafka)
    const transaction = await producer.beginTransaction()
    await transaction.addConsumer(consumer)
    for (const message of messages) await transaction.addOffset(message)
    let isOver = false
    const requests = recordRequests(t)
    const reading = committedOffsetsOf(log, group, topic, 1).then((offsets) => {
      assert.ok(isOver, `${String(offsets)} was read while the transaction was open`)
      return offsets
    })
    // It has been refused once, so its answer was not just slow.
    const asked = until('our reader has asked twice', 30_000, async () =>
      requests.filter(({ apiKey }) => apiKey === offsetFetchKey).length >= 2 ? true : undefined,
    )
    await Promise.race([asked, reading])
    isOver = true
    await transaction.commit()
    assert.deepEqual(await reading, [1])
  },
)

kafkaTest(
  'library: waits a second wherever a transaction is still being written',
  async (kafka, t) => {
    const partitionCount = 50
    const topic = await libraryTopic(t, kafka, partitionCount)
    // With its own retries and delay.
    const producer = libraryProducer(t, kafka, {
      idempotent: true,
      transactionalId: kafka.unique('library'),
    })
    const delays: number[] = []
    producer.on('client:performWithRetry:retry', (_operation, _attempt, _retries, delayMs) => {
      delays.push(delayMs)
    })
    const values = Array.from({ length: partitionCount }, (_, partition) => {
      return { topic, partition, value: 'sent' }
    })
    // EndTxn answers before the markers of its partitions are written.
    for (let transactions = 0; delays.length === 0; transactions++) {
      assert.ok(transactions < 200, 'no transaction met the one before it')
      const transaction = await producer.beginTransaction()
      await transaction.send({ messages: values })
      await transaction.commit()
    }
    assert.equal(delays[0], 1_000)
  },
)

for (const protocolMax of [1, 2] as const) {
  kafkaTest(
    `ours: a transaction that meets the one before it goes again in milliseconds (protocol ${protocolMax})`,
    async (kafka, t) => {
      const partitionCount = 50
      const waitsMs: number[] = []
      const clock: Clock = {
        ...systemClock,
        after: (delayMs, wake) =>
          systemClock.after(delayMs, () => {
            waitsMs.push(delayMs)
            wake()
          }),
      }
      const { log, topic, name } = await ourLog(t, kafka, partitionCount, {
        clock,
        transactions: { protocolMax },
      })
      const producer = await log.transactionalProducer(name)
      await log.append(
        partitionsOf(partitionCount).map((partition) => ({
          topic,
          partition,
          records: [record(firstValue)],
        })),
      )
      // Those of a new topic.
      waitsMs.length = 0
      for (let transactions = 0; waitsMs.length === 0 && transactions < 200; transactions++) {
        const transaction = producer.begin()
        for (const partition of partitionsOf(partitionCount)) {
          transaction.send({ topic, partition, records: [record('sent')] })
        }
        await transaction.commit()
      }
      t.diagnostic(`waited ${waitsMs.join(', ')} ms`)
      assert.ok(waitsMs.every((waitMs) => waitMs < 100))
    },
  )
}

async function committedBy(
  consumer: ReturnType<typeof libraryConsumer>,
  topic: string,
  partitionCount: number,
): Promise<bigint[]> {
  const partitions = Array.from({ length: partitionCount }, (_, partition) => partition)
  const offsets = await consumer.listCommittedOffsets({ topics: [{ topic, partitions }] })
  return offsets.get(topic) ?? []
}

/** Of a TxnOffsetCommit 3 to 5. */
function groupInstanceOf(body: Buffer): string | null {
  const reader = Reader.from(body)
  reader.readString() // transactional id
  reader.readString() // group
  reader.readInt64() // producer id
  reader.readInt16() // producer epoch
  reader.readInt32() // generation
  reader.readString() // member
  return reader.readNullableString()
}
