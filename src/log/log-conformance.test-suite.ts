/** One suite for the Log port: what every implementation does alike. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterEach, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import { noHeaders, topicPartitionId } from '../core/record.ts'
import type { Offset, Partition, ProducerRecord, TopicName } from '../core/record.ts'
import { batchCodec } from './batch-codec.ts'
import type { EncodedLog } from './encoded-log.ts'
import { Subjects, record, refusal, text } from './log-conformance.test-support.ts'
import type { Subject, SubjectOptions } from './log-conformance.test-support.ts'
import type { StoredLog } from './stored-log.ts'
import { transactionTests } from './log-transactions.test-suite.ts'
import { storedLogTests } from './stored-log-conformance.test-suite.ts'

export type { Subject, SubjectOptions } from './log-conformance.test-support.ts'

/** Of a log that shares state (embedded, memory). */
export function logConformance(
  name: string,
  open: (options: SubjectOptions) => Promise<Subject<StoredLog>>,
): void {
  const subjects = new Subjects(open)
  describe(`the log, ${name}`, () => {
    afterEach(() => subjects.closeAll())
    portTests(subjects, (log) => {
      assert.ok(log.stats().commits.writes < 50, 'concurrent appends share writes')
    })
    transactionTests(subjects, { modelRuns: 60 })
    storedLogTests(subjects)
  })
}

/** Of a log that is a cluster's. */
export function clusterConformance(
  name: string,
  open: (options: SubjectOptions) => Promise<Subject>,
): Promise<void> {
  const subjects = new Subjects(open)
  return describe(`the log, ${name}`, () => {
    afterEach(() => subjects.closeAll())
    portTests(subjects)
    transactionTests(subjects, { modelRuns: 10 })
  })
}

function portTests<Log extends EncodedLog>(
  { fresh, clock }: Subjects<Log>,
  /** After 200 concurrent appends. */
  checkWrites?: (log: Log) => void,
): void {
  test('gives records of a partition consecutive offsets and returns them from any position', async () => {
    const { log, at, read } = await fresh()
    const records = Array.from({ length: 10 }, (_, index) => record('k', `${index}`, index))
    const results = await log.append([
      { ...at(0), records: records.slice(0, 4) },
      { ...at(1), records: records.slice(4, 5) },
      { ...at(0), records: records.slice(5) },
    ])
    assert.deepEqual(
      results.map(({ partition, baseOffset }) => [partition, baseOffset]),
      [
        [0, 0],
        [1, 0],
        [0, 4],
      ],
    )
    for (let from = 0; from <= 9; from++) {
      const found = await read(from)
      assert.deepEqual(
        found.records.map((found) => found.offset),
        Array.from({ length: 9 - from }, (_, index) => from + index),
      )
      assert.equal(found.nextOffset, 9)
    }
  })

  test('keeps keys, values, headers and timestamps as they were', async () => {
    const { log, at, read } = await fresh()
    const headers = [
      ['trace', Buffer.from([0, 255])],
      ['trace', Buffer.alloc(0)],
    ] as const
    const sent: ProducerRecord[] = [
      { key: null, value: null, timestampMs: -62_135_596_800_000, headers },
      { key: Buffer.alloc(0), value: Buffer.alloc(0), timestampMs: 8.64e15 },
    ]
    await log.append([{ ...at(2), records: sent }])
    const { records } = await read(0, { partition: 2 })
    assert.deepEqual(records, [
      { ...sent[0], offset: 0 },
      { ...sent[1], offset: 1, headers: noHeaders },
    ])
  })

  test('reads beside the byte limits in whole batches, at least one', async () => {
    const { log, topic, at, read, readAll } = await fresh()
    const records = Array.from({ length: 40 }, (_, index) =>
      record(`${index}`, randomBytes(7_500).toString('base64')),
    )
    for (const one of records) await log.append([{ ...at(0), records: [one] }])
    const small = await read(7, { bytesMax: 1 })
    assert.deepEqual(
      small.records.map((found) => found.offset),
      [7],
    )
    const some = await read(7, { bytesMax: 50_000 })
    assert.ok(some.records.length >= 1 && some.records.length <= 5)
    assert.equal((await readAll(topic, 0, 0, 30_000)).length, 40)
  })

  test('serves every partition of a request in turn when the bytes are few', async () => {
    const { log, at } = await fresh()
    for (const partition of [0, 1, 2]) {
      await log.append([{ ...at(partition), records: [record('k', 'x'.repeat(1000))] }])
    }
    const served = new Set<number>()
    for (let round = 0; round < 3; round++) {
      const found = await log.fetch({
        partitions: [0, 1, 2].map((partition) => ({ ...at(partition), offset: 0 as Offset })),
        bytesMax: 10,
        bytesPerPartitionMax: 10,
        waitMaxMs: 0,
        isolation: 'read_committed',
      })
      const full = found.filter(({ records }) => records.length > 0)
      assert.equal(full.length, 1, 'the bytes of a request hold for all its partitions')
      for (const { partition } of full) served.add(partition)
    }
    assert.deepEqual([...served].sort(), [0, 1, 2])
  })

  test('refuses positions outside of the log, unknown topics and unknown partitions', async () => {
    const { log, at, read, named } = await fresh()
    await refusal('OFFSET_OUT_OF_RANGE', () => read(1))
    await refusal('PARTITION_UNKNOWN', () => read(0, { partition: 3 }))
    const none = named('none') as TopicName
    await refusal('TOPIC_UNKNOWN', () => read(0, { name: none }))
    await refusal('TOPIC_UNKNOWN', () => log.describeTopics([none]))
    await refusal('PARTITION_UNKNOWN', () => log.append([{ ...at(3), records: [] }]))
  })

  test('waits for the first record, until it comes, the time is up or the signal is raised', async () => {
    const { log, at, read } = await fresh()
    const waiting = read(0, { waitMaxMs: 1000 })
    await log.append([{ ...at(1), records: [record('k', 'elsewhere')] }])
    await log.append([{ ...at(0), records: [record('k', 'here')] }])
    assert.deepEqual(text((await waiting).records), ['0 k=here'])

    const late = read(1, { waitMaxMs: 1000 })
    await new Promise(setImmediate)
    clock.advance(1000)
    assert.deepEqual(text((await late).records), [])

    const abort = new AbortController()
    const aborted = read(1, { waitMaxMs: 1000, signal: abort.signal })
    await new Promise(setImmediate)
    abort.abort()
    assert.deepEqual(text((await aborted).records), [])
  })

  test('ends waiting fetches when it closes, and refuses what comes after', async () => {
    const { log, at, read, close } = await fresh()
    const waiting = read(0, { waitMaxMs: 1000 })
    await new Promise(setImmediate)
    await close()
    assert.deepEqual((await waiting).records, [])
    await refusal('INSTANCE_NOT_RUNNING', () => read(0))
    await refusal('INSTANCE_NOT_RUNNING', () => log.append([{ ...at(0), records: [] }]))
  })

  test('creates topics once, takes a new retention where they are its own, and refuses another partition count', async () => {
    const { log, topic } = await fresh()
    const spec = { name: topic, partitionCount: 3, cleanupPolicy: 'delete' as const }
    await log.createTopics([{ ...spec, retentionMs: 5 }])
    const [described] = await log.describeTopics([topic])
    // A topic of a cluster may be another's, who has said how long it is kept.
    assert.equal(described?.retentionMs, log.sharesState ? 5 : 1000)
    const error = await refusal('TOPIC_MISMATCH', () =>
      log.createTopics([{ ...spec, partitionCount: 4, retentionMs: 5 }]),
    )
    assert.match(error.message, /answers\S* has 3 partitions, 4/)
  })

  test('tells where a partition ends for who reads what is committed, whether or not anybody fetches', async () => {
    const { log, topic, at, named } = await fresh()
    const end = async () => {
      if (log.endOffsetNow !== undefined) return log.endOffsetNow(at(0))
      // Of a topic that is new a broker may not be able to tell yet.
      for (let polls = 0; polls < 500; polls++) {
        const asked = await log.askEndOffsets?.([at(0), at(1)])
        const told = asked?.get(topicPartitionId(at(0)))
        if (told !== undefined) return told
        await delay(10)
      }
      return null
    }
    assert.equal(await end(), 0)
    await log.append([{ ...at(0), records: [record('a', '1'), record('b', '2')] }])
    assert.equal(await end(), 2)
    const producer = await log.transactionalProducer(named('p'))
    const transaction = producer.begin()
    transaction.send({ ...at(0), records: [record('c', '3')] })
    assert.equal(await end(), 2)
    await transaction.commit()
    // A broker writes the marker once it has answered.
    let last = await end()
    for (let polls = 0; polls < 500 && last === 2; polls++) {
      await delay(10)
      last = await end()
    }
    const [described] = await log.describeTopics([topic])
    assert.equal(last, described?.partitions[0]?.lastStableOffset)
    assert.ok(last > 2)
    await producer.close()
  })

  test('refuses a record beyond the limit, naming topic, size and limit, and takes none of its batch', async () => {
    const { log, at, read } = await fresh({ recordBytesMax: 100 })
    const error = await refusal('RECORD_TOO_LARGE', () =>
      log.append([{ ...at(0), records: [record('k', 'fits'), record('k', 'x'.repeat(100))] }]),
    )
    assert.match(error.message, /answers.*101.*100/)
    assert.equal((await read(0)).highWatermark, 0)
  })

  test('refuses records without a key on a compacted topic', async () => {
    const { log, table, named } = await fresh()
    const partition = 0 as Partition
    await refusal('KEY_MISSING', () =>
      log.append([{ topic: table, partition, records: [record(null, 'v')] }]),
    )
    const transaction = (await log.transactionalProducer(named('p'))).begin()
    const codec = batchCodec(log.batchFormat)
    const batch = codec.encode([record(null, 'v')], Infinity)[0]!.bytes
    await refusal('KEY_MISSING', async () => {
      transaction.sendEncoded({ topic: table, partition, batch, recordCount: 1 })
      await transaction.commit()
    })
  })

  test('settles concurrent appends in the order they were made', async () => {
    const { log, at, readAll } = await fresh()
    const appends = Array.from({ length: 200 }, (_, index) =>
      log.append([{ ...at(0), records: [record('k', `${index}`)] }]),
    )
    const results = await Promise.all(appends)
    assert.deepEqual(
      results.map(([result]) => result?.baseOffset),
      Array.from({ length: 200 }, (_, index) => index),
    )
    checkWrites?.(log)
    const values = (await readAll()).map((found) => Number(found.value?.toString()))
    assert.deepEqual(
      values,
      results.map((_, index) => index),
    )
  })
}
