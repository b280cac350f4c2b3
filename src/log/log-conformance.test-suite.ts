/** One suite for the Log port: what every implementation does alike. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterEach, describe, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

import fc from 'fast-check'

import { noHeaders } from '../core/record.ts'
import type { Offset, Partition, ProducerRecord, StoreName, TopicName } from '../core/record.ts'
import { batchCodec } from './batch-codec.ts'
import type { EncodedLog } from './encoded-log.ts'
import type { AppendResult, JoinGroupOptions } from './log.ts'
import { Subjects, record, refusal, text } from './log-conformance.test-support.ts'
import type { Subject, SubjectOptions } from './log-conformance.test-support.ts'
import type { StoredLog } from './stored-log.ts'
import { storedLogTests } from './stored-log-conformance.test-suite.ts'

export type { Subject, SubjectOptions } from './log-conformance.test-support.ts'

const store = 'counts' as StoreName

/** Resolves when the condition holds. What is not there at once is on its way through a broker. */
async function until(condition: () => boolean): Promise<void> {
  for (let polls = 0; !condition(); polls++) {
    assert.ok(polls < 2_000, 'it took more than 20 seconds')
    await delay(10)
  }
}

interface PortTraits<Log extends EncodedLog> {
  /** Of the model test. */
  readonly modelRuns: number
  /** After 200 concurrent appends. */
  readonly checkWrites?: (log: Log) => void
}

/** Of a log that shares state (embedded, memory). */
export function logConformance(
  name: string,
  open: (options: SubjectOptions) => Promise<Subject<StoredLog>>,
): void {
  const subjects = new Subjects(open)
  describe(`the log, ${name}`, () => {
    afterEach(() => subjects.closeAll())
    portTests(subjects, {
      modelRuns: 60,
      checkWrites: (log) => {
        assert.ok(log.stats().commits.writes < 50, 'concurrent appends share writes')
      },
    })
    storedLogTests(subjects)
  })
}

/** Of a log that is a cluster's. */
export function clusterConformance(
  name: string,
  open: (options: SubjectOptions) => Promise<Subject>,
): void {
  const subjects = new Subjects(open)
  describe(`the log, ${name}`, () => {
    afterEach(() => subjects.closeAll())
    portTests(subjects, { modelRuns: 10 })
  })
}

function portTests<Log extends EncodedLog>(
  { fresh, clock }: Subjects<Log>,
  { modelRuns, checkWrites }: PortTraits<Log>,
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

  test('creates topics once, takes a new retention and refuses another partition count', async () => {
    const { log, topic } = await fresh()
    const spec = { name: topic, partitionCount: 3, cleanupPolicy: 'delete' as const }
    await log.createTopics([{ ...spec, retentionMs: 5 }])
    const [described] = await log.describeTopics([topic])
    assert.equal(described?.retentionMs, 5)
    const error = await refusal('TOPIC_MISMATCH', () =>
      log.createTopics([{ ...spec, partitionCount: 4, retentionMs: 5 }]),
    )
    assert.match(error.message, /answers\S* has 3 partitions, 4/)
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

  test('shows records, offsets and state of a transaction together, at its commit', async () => {
    const { log, state, noGroup, at, read, readAll, named } = await fresh()
    const producer = await log.transactionalProducer(named('task-0'))
    const transaction = producer.begin()
    const key = Buffer.from('k')
    transaction.send({ ...at(0), records: [record('a', '1')] })
    transaction.send({ ...at(1), records: [record('b', '2')] })
    transaction.send({ ...at(0), records: [record('c', '3')] })
    transaction.sendOffsets(noGroup, [{ ...at(2), offset: 7 as Offset, metadata: 'time 5' }])
    if (state !== null) {
      const value = Buffer.from('state')
      transaction.writeState([{ store, partition: 0 as Partition, key, value }])
    }
    assert.equal((await read(0)).highWatermark, 0)
    assert.deepEqual(await log.committedOffsets(named('group'), [at(2)]), [null])

    const results = await transaction.commit()
    assert.deepEqual(
      results.map(({ partition, baseOffset }) => [partition, baseOffset]),
      [
        [0, 0],
        [1, 0],
        [0, 1],
      ],
    )
    assert.deepEqual(text(await readAll()), ['0 a=1', '1 c=3'])
    assert.deepEqual(await log.committedOffsets(named('group'), [at(2), at(0)]), [
      { ...at(2), offset: 7, metadata: 'time 5' },
      null,
    ])
    if (state !== null) {
      const [value] = await state.readMany([{ store, partition: 0 as Partition, key }])
      assert.equal(String(value), 'state')
    }
    await refusal('TRANSACTION_ABORTED', () => transaction.commit())
  })

  test('shows nothing of an aborted transaction', async () => {
    const { log, noGroup, at, readAll, named } = await fresh()
    const producer = await log.transactionalProducer(named('task-0'))
    const aborted = producer.begin()
    aborted.send({ ...at(0), records: [record('a', 'no')] })
    aborted.sendOffsets(noGroup, [{ ...at(0), offset: 9 as Offset }])
    await aborted.abort()
    const next = producer.begin()
    next.send({ ...at(0), records: [record('a', 'yes')] })
    await next.commit()
    assert.deepEqual(text(await readAll()), ['0 a=yes'])
    assert.deepEqual(await log.committedOffsets(named('group'), [at(0)]), [null])
  })

  test('fences every earlier producer of a transactional id', async () => {
    const { log, at, readAll, named } = await fresh()
    const zombie = (await log.transactionalProducer(named('task-0'))).begin()
    zombie.send({ ...at(0), records: [record('a', 'zombie')] })
    const successor = (await log.transactionalProducer(named('task-0'))).begin()
    await log.transactionalProducer(named('another'))
    await refusal('PRODUCER_FENCED', () => zombie.commit())
    successor.send({ ...at(0), records: [record('a', 'successor')] })
    await successor.commit()
    assert.deepEqual(text(await readAll()), ['0 a=successor'])
  })

  test('takes batches that were encoded elsewhere and gives them out encoded', async () => {
    const { log, at, readAll, named } = await fresh()
    const transaction = (await log.transactionalProducer(named('worker'))).begin()
    transaction.send({ ...at(0), records: [record('a', '1')] })
    const codec = batchCodec(log.batchFormat)
    const batch = codec.encode([record('b', '2'), record('c', '3')], Infinity)[0]!.bytes
    transaction.sendEncoded({ ...at(0), batch, recordCount: 2 })
    assert.throws(
      () => transaction.sendEncoded({ ...at(0), batch, recordCount: 3 }),
      /has 2 records, not 3/,
    )
    const results = await transaction.commit()
    assert.deepEqual(
      results.map(({ baseOffset }) => baseOffset),
      [0, 1],
    )
    assert.deepEqual(text(await readAll()), ['0 a=1', '1 b=2', '2 c=3'])
    const [first] = await log.fetchEncoded({
      partitions: [{ ...at(0), offset: 2 as Offset }],
      bytesMax: 1,
      bytesPerPartitionMax: 1,
      waitMaxMs: 0,
      isolation: 'read_committed',
    })
    const found = first!
    assert.deepEqual(
      found.batches.map(({ baseOffset, lastOffset }) => [baseOffset, lastOffset]),
      [[1, 2]],
    )
    assert.deepEqual(text(codec.decode(found.batches[0]!, 2 as Offset)), ['2 c=3'])
    // A log of its own keeps a batch as it was encoded; a broker stamps it.
    if (log.sharesState) assert.deepEqual(found.batches[0]?.bytes, batch)
    assert.equal(found.nextOffset, 3)
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

  test('shares partitions out, revokes before it assigns, and refuses the old generation', async () => {
    const { log, topic, noGroup, at, readAll, named } = await fresh()
    const events: string[] = []
    const join = (who: string, extra: Partial<JoinGroupOptions> = {}) =>
      log.joinGroup({
        groupId: named('group'),
        topics: [topic],
        userData: () => Buffer.alloc(0),
        onAssigned: (partitions) => {
          events.push(`${who}+${partitions.map((at) => at.partition).join()}`)
          return Promise.resolve()
        },
        onRevoked: (partitions) => {
          events.push(`${who}-${partitions.map((at) => at.partition).join()}`)
          return Promise.resolve()
        },
        ...extra,
      })
    const first = await join('a')
    const before = first.metadata
    await log.commitOffsets(before, [{ ...at(2), offset: 0 as Offset }])
    await refusal('PRODUCER_FENCED', () =>
      log.commitOffsets(noGroup, [{ ...at(2), offset: 0 as Offset }]),
    )
    const second = await join('b')
    await until(() => events.length >= 3)
    assert.deepEqual(events, ['a+0,1,2', 'a-2', 'b+2'])
    await refusal('PRODUCER_FENCED', () =>
      log.commitOffsets(before, [{ ...at(2), offset: 1 as Offset }]),
    )
    const stale = (await log.transactionalProducer(named('t'))).begin()
    stale.sendOffsets(before, [{ ...at(2), offset: 1 as Offset }])
    stale.send({ ...at(0), records: [record('a', 'stale')] })
    await refusal('PRODUCER_FENCED', () => stale.commit())
    assert.deepEqual(text(await readAll()), [])
    await log.commitOffsets(first.metadata, [{ ...at(0), offset: 1 as Offset }])
    await second.leave()
    await until(() => events.length >= 5)
    assert.deepEqual(events.slice(3), ['b-2', 'a+2'])
    assert.deepEqual(
      first.assigned.map((at) => at.partition),
      [0, 1, 2],
    )
    await refusal('PRODUCER_FENCED', () =>
      log.commitOffsets(second.metadata, [{ ...at(2), offset: 1 as Offset }]),
    )
  })

  test('drops a member whose callback fails and goes on with the others', async () => {
    const { log, topic, named } = await fresh()
    const options = { groupId: named('group'), topics: [topic], userData: () => Buffer.alloc(0) }
    const nothing = () => Promise.resolve()
    const failing = () => Promise.reject(new Error('broken callback'))
    const first = await log.joinGroup({ ...options, onAssigned: nothing, onRevoked: nothing })
    // A member of a cluster's group gets its partitions after others let go of them, when it has long joined.
    const told = Promise.withResolvers<never>()
    const joined = log.joinGroup({
      ...options,
      onAssigned: failing,
      onRevoked: nothing,
      onFailure: told.reject,
    })
    await assert.rejects(
      log.sharesState ? joined : joined.then(() => told.promise),
      /broken callback/,
    )
    await until(() => first.assigned.length === 3)
  })

  test('is like plain arrays under any sequence of appends, transactions and fetches', async () => {
    const operation = fc.record({
      kind: fc.constantFrom('append', 'commit', 'abort', 'fetch'),
      partition: fc.integer({ min: 0, max: 2 }),
      count: fc.integer({ min: 1, max: 5 }),
      valueBytes: fc.integer({ min: 0, max: 400 }),
      bytesMax: fc.integer({ min: 1, max: 2000 }),
    })
    const { log, topic, at, readAll, named } = await fresh()
    const producer = await log.transactionalProducer(named('model'))
    const model: { offset: number; value: string }[][] = [[], [], []]
    const ends = [0, 0, 0]
    let serial = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { maxLength: 20 }),
        fc.nat(),
        async (operations, position) => {
          for (const { kind, partition, count, valueBytes, bytesMax } of operations) {
            const expected = model[partition]!
            if (kind === 'fetch') {
              const index = position % (expected.length + 1)
              const from = expected[index]?.offset ?? ends[partition]!
              const found = await readAll(topic, partition, from, bytesMax)
              assert.deepEqual(
                found.map(({ offset, value }) => `${offset} ${value}`),
                expected.slice(index).map(({ offset, value }) => `${offset} ${value}`),
              )
              continue
            }
            const values = Array.from({ length: count }, () =>
              `${serial++}`.padEnd(valueBytes, '.'),
            )
            const records = values.map((value) => record('k', value))
            let results: readonly AppendResult[] = []
            if (kind === 'append') results = await log.append([{ ...at(partition), records }])
            else {
              const transaction = producer.begin()
              transaction.send({ ...at(partition), records })
              if (kind === 'commit') results = await transaction.commit()
              else await transaction.abort()
            }
            if (kind === 'abort') continue
            let offset: number = results[0]!.baseOffset
            // Where the log is its own, nothing but records has offsets.
            if (log.sharesState) assert.equal(offset, expected.length)
            assert.ok(offset >= ends[partition]!, 'offsets only grow')
            for (const value of values) expected.push({ offset: offset++, value })
            ends[partition] = offset
          }
        },
      ),
      { numRuns: modelRuns },
    )
  })
}
