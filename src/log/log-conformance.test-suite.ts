/** One suite for the Log port, run by every implementation that shares state (embedded, memory). */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'

import fc from 'fast-check'

import { ManualClock } from '../core/clock.ts'
import type { ErrorCode } from '../core/errors.ts'
import { noHeaders } from '../core/record.ts'
import type {
  ConsumerRecord,
  Offset,
  Partition,
  ProducerRecord,
  StoreName,
  TopicName,
} from '../core/record.ts'
import type { StateBackend } from '../core/state.ts'
import type { FetchedPartition, GroupMetadata, JoinGroupOptions } from './log.ts'
import type { MaintenanceOptions } from './maintenance-options.ts'
import { encodeRecordBatch } from './record-batch.ts'
import type { StoredLog } from './stored-log.ts'

export interface Subject {
  readonly log: StoredLog
  readonly state: StateBackend
  close(): Promise<void>
}

export interface SubjectOptions {
  readonly clock: ManualClock
  readonly recordBytesMax?: number
  readonly transactionRecordBytesMax?: number
  readonly maintenance?: Partial<MaintenanceOptions>
}

const topic = 'answers' as TopicName
const table = 'questions' as TopicName
const store = 'counts' as StoreName
const noGroup: GroupMetadata = { groupId: 'group', generationId: -1, memberId: '' }

export function at(partition: number) {
  return { topic, partition: partition as Partition }
}

export function record(key: string | null, value: string | null, timestampMs = 0): ProducerRecord {
  return {
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    timestampMs,
  }
}

function text(records: readonly ConsumerRecord[]): string[] {
  return records.map(({ key, value, offset }) => `${offset} ${key}=${value}`)
}

async function refusal(code: ErrorCode, work: () => Promise<unknown>): Promise<Error> {
  let thrown: unknown
  try {
    await work()
  } catch (caught) {
    thrown = caught
  }
  assert.equal((thrown as { code?: string } | undefined)?.code, code, String(thrown))
  return thrown as Error
}

async function read(log: StoredLog, from: number, options: Partial<Reading> = {}) {
  const { bytesMax = 1 << 20, name = topic, partition = 0, waitMaxMs = 0, signal } = options
  const [found] = await log.fetch({
    partitions: [{ topic: name, partition: partition as Partition, offset: from as Offset }],
    bytesMax,
    bytesPerPartitionMax: bytesMax,
    waitMaxMs,
    isolation: 'read_committed',
    ...(signal === undefined ? {} : { signal }),
  })
  return found as FetchedPartition
}

interface Reading {
  readonly bytesMax: number
  readonly name: TopicName
  readonly partition: number
  readonly waitMaxMs: number
  readonly signal: AbortSignal
}

async function readAll(log: StoredLog, name = topic, partition = 0, from = 0, bytesMax = 1 << 20) {
  const records: ConsumerRecord[] = []
  for (let offset = from; ;) {
    const found = await read(log, offset, { name, partition, bytesMax })
    records.push(...found.records)
    if (found.nextOffset === offset) return records
    offset = found.nextOffset
  }
}

export function logConformance(
  name: string,
  open: (options: SubjectOptions) => Promise<Subject>,
): void {
  const subjects: Subject[] = []
  const clock = new ManualClock(1_000_000)

  async function fresh(options: Partial<SubjectOptions> = {}): Promise<Subject> {
    const subject = await open({ clock, ...options })
    subjects.push(subject)
    await subject.log.createTopics([
      { name: topic, partitionCount: 3, cleanupPolicy: 'delete', retentionMs: 1000 },
      { name: table, partitionCount: 1, cleanupPolicy: 'compact', retentionMs: null },
    ])
    return subject
  }

  describe(`the log, ${name}`, () => {
    afterEach(async () => {
      for (const subject of subjects.splice(0)) await subject.close()
    })

    test('gives records of a partition consecutive offsets and returns them from any position', async () => {
      const { log } = await fresh()
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
        const found = await read(log, from)
        assert.deepEqual(
          found.records.map((found) => found.offset),
          Array.from({ length: 9 - from }, (_, index) => from + index),
        )
        assert.equal(found.nextOffset, 9)
      }
    })

    test('keeps keys, values, headers and timestamps as they were', async () => {
      const { log } = await fresh()
      const headers = [
        ['trace', Buffer.from([0, 255])],
        ['trace', Buffer.alloc(0)],
      ] as const
      const sent: ProducerRecord[] = [
        { key: null, value: null, timestampMs: -62_135_596_800_000, headers },
        { key: Buffer.alloc(0), value: Buffer.alloc(0), timestampMs: 8.64e15 },
      ]
      await log.append([{ ...at(2), records: sent }])
      const { records } = await read(log, 0, { partition: 2 })
      assert.deepEqual(records, [
        { ...sent[0], offset: 0 },
        { ...sent[1], offset: 1, headers: noHeaders },
      ])
    })

    test('reads beside the byte limits in whole batches, at least one', async () => {
      const { log } = await fresh()
      const records = Array.from({ length: 40 }, (_, index) =>
        record(`${index}`, 'x'.repeat(10_000)),
      )
      for (const one of records) await log.append([{ ...at(0), records: [one] }])
      const small = await read(log, 7, { bytesMax: 1 })
      assert.deepEqual(
        small.records.map((found) => found.offset),
        [7],
      )
      const some = await read(log, 7, { bytesMax: 50_000 })
      assert.ok(some.records.length >= 1 && some.records.length <= 5)
      assert.equal((await readAll(log, topic, 0, 0, 30_000)).length, 40)
    })

    test('serves every partition of a request in turn when the bytes are few', async () => {
      const { log } = await fresh()
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
      const { log } = await fresh()
      await refusal('OFFSET_OUT_OF_RANGE', () => read(log, 1))
      await refusal('PARTITION_UNKNOWN', () => read(log, 0, { partition: 3 }))
      await refusal('TOPIC_UNKNOWN', () => read(log, 0, { name: 'none' as TopicName }))
      await refusal('TOPIC_UNKNOWN', () => log.describeTopics(['none' as TopicName]))
      await refusal('PARTITION_UNKNOWN', () => log.append([{ ...at(3), records: [] }]))
    })

    test('waits for the first record, until it comes, the time is up or the signal is raised', async () => {
      const { log } = await fresh()
      const waiting = read(log, 0, { waitMaxMs: 1000 })
      await log.append([{ ...at(1), records: [record('k', 'elsewhere')] }])
      await log.append([{ ...at(0), records: [record('k', 'here')] }])
      assert.deepEqual(text((await waiting).records), ['0 k=here'])

      const late = read(log, 1, { waitMaxMs: 1000 })
      await new Promise(setImmediate)
      clock.advance(1000)
      assert.deepEqual(text((await late).records), [])

      const abort = new AbortController()
      const aborted = read(log, 1, { waitMaxMs: 1000, signal: abort.signal })
      await new Promise(setImmediate)
      abort.abort()
      assert.deepEqual(text((await aborted).records), [])
    })

    test('ends waiting fetches when it closes, and refuses what comes after', async () => {
      const { log, close } = await fresh()
      subjects.length = 0
      const waiting = read(log, 0, { waitMaxMs: 1000 })
      await new Promise(setImmediate)
      await close()
      assert.deepEqual((await waiting).records, [])
      await refusal('INSTANCE_NOT_RUNNING', () => read(log, 0))
      await refusal('INSTANCE_NOT_RUNNING', () => log.append([{ ...at(0), records: [] }]))
    })

    test('creates topics once, takes a new retention and refuses another partition count', async () => {
      const { log } = await fresh()
      const spec = { name: topic, partitionCount: 3, cleanupPolicy: 'delete' as const }
      await log.createTopics([{ ...spec, retentionMs: 5 }])
      const [described] = await log.describeTopics([topic])
      assert.equal(described?.retentionMs, 5)
      const error = await refusal('TOPIC_MISMATCH', () =>
        log.createTopics([{ ...spec, partitionCount: 4, retentionMs: 5 }]),
      )
      assert.match(error.message, /answers has 3 partitions, 4/)
    })

    test('refuses a record beyond the limit, naming topic, size and limit, and takes none of its batch', async () => {
      const { log } = await fresh({ recordBytesMax: 100 })
      const error = await refusal('RECORD_TOO_LARGE', () =>
        log.append([{ ...at(0), records: [record('k', 'fits'), record('k', 'x'.repeat(100))] }]),
      )
      assert.match(error.message, /answers.*101.*100/)
      assert.equal((await read(log, 0)).highWatermark, 0)
    })

    test('takes in a transaction what is larger than may be appended, up to a limit of its own', async () => {
      const { log } = await fresh({ recordBytesMax: 100, transactionRecordBytesMax: 1000 })
      const producer = await log.transactionalProducer('p')
      const transaction = producer.begin()
      transaction.send({ ...at(0), records: [record('k', 'x'.repeat(900))] })
      assert.equal((await transaction.commit())[0]?.baseOffset, 0)
      const error = await refusal('RECORD_TOO_LARGE', async () =>
        producer.begin().send({ ...at(0), records: [record('k', 'x'.repeat(1000))] }),
      )
      assert.match(error.message, /answers.*1001.*transactionRecordBytesMax, 1000/)
    })

    test('refuses records without a key on a compacted topic', async () => {
      const { log } = await fresh()
      const partition = 0 as Partition
      await refusal('KEY_MISSING', () =>
        log.append([{ topic: table, partition, records: [record(null, 'v')] }]),
      )
      const transaction = (await log.transactionalProducer('p')).begin()
      const batch = encodeRecordBatch([record(null, 'v')])
      await refusal('KEY_MISSING', async () => {
        transaction.sendEncoded({ topic: table, partition, batch, recordCount: 1 })
        await transaction.commit()
      })
    })

    test('shows records, offsets and state of a transaction together, at its commit', async () => {
      const { log, state } = await fresh()
      const producer = await log.transactionalProducer('task-0')
      const transaction = producer.begin()
      const key = Buffer.from('k')
      transaction.send({ ...at(0), records: [record('a', '1')] })
      transaction.send({ ...at(1), records: [record('b', '2')] })
      transaction.send({ ...at(0), records: [record('c', '3')] })
      transaction.sendOffsets(noGroup, [{ ...at(2), offset: 7 as Offset, metadata: 'time 5' }])
      transaction.writeState([
        { store, partition: 0 as Partition, key, value: Buffer.from('state') },
      ])
      assert.equal((await read(log, 0)).highWatermark, 0)
      assert.deepEqual(await log.committedOffsets('group', [at(2)]), [null])

      const results = await transaction.commit()
      assert.deepEqual(
        results.map(({ partition, baseOffset }) => [partition, baseOffset]),
        [
          [0, 0],
          [1, 0],
          [0, 1],
        ],
      )
      assert.deepEqual(text(await readAll(log)), ['0 a=1', '1 c=3'])
      assert.deepEqual(await log.committedOffsets('group', [at(2), at(0)]), [
        { ...at(2), offset: 7, metadata: 'time 5' },
        null,
      ])
      const [value] = await state.readMany([{ store, partition: 0 as Partition, key }])
      assert.equal(String(value), 'state')
      await refusal('TRANSACTION_ABORTED', () => transaction.commit())
    })

    test('shows nothing of an aborted transaction', async () => {
      const { log } = await fresh()
      const producer = await log.transactionalProducer('task-0')
      const aborted = producer.begin()
      aborted.send({ ...at(0), records: [record('a', 'no')] })
      aborted.sendOffsets(noGroup, [{ ...at(0), offset: 9 as Offset }])
      await aborted.abort()
      const next = producer.begin()
      next.send({ ...at(0), records: [record('a', 'yes')] })
      await next.commit()
      assert.deepEqual(text(await readAll(log)), ['0 a=yes'])
      assert.deepEqual(await log.committedOffsets('group', [at(0)]), [null])
    })

    test('fences every earlier producer of a transactional id', async () => {
      const { log } = await fresh()
      const zombie = (await log.transactionalProducer('task-0')).begin()
      zombie.send({ ...at(0), records: [record('a', 'zombie')] })
      const successor = (await log.transactionalProducer('task-0')).begin()
      await log.transactionalProducer('another')
      await refusal('PRODUCER_FENCED', () => zombie.commit())
      successor.send({ ...at(0), records: [record('a', 'successor')] })
      await successor.commit()
      assert.deepEqual(text(await readAll(log)), ['0 a=successor'])
    })

    test('takes batches that were encoded elsewhere and gives them out encoded', async () => {
      const { log } = await fresh()
      const transaction = (await log.transactionalProducer('worker')).begin()
      transaction.send({ ...at(0), records: [record('a', '1')] })
      const batch = encodeRecordBatch([record('b', '2'), record('c', '3')])
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
      assert.deepEqual(text(await readAll(log)), ['0 a=1', '1 b=2', '2 c=3'])
      const [found] = await log.fetchEncoded({
        partitions: [{ ...at(0), offset: 2 as Offset }],
        bytesMax: 1,
        bytesPerPartitionMax: 1,
        waitMaxMs: 0,
        isolation: 'read_committed',
      })
      assert.deepEqual(found?.batches, [{ baseOffset: 1, lastOffset: 2, bytes: batch }])
      assert.equal(found.nextOffset, 3)
    })

    test('settles concurrent appends in the order they were made', async () => {
      const { log } = await fresh()
      const appends = Array.from({ length: 200 }, (_, index) =>
        log.append([{ ...at(0), records: [record('k', `${index}`)] }]),
      )
      const results = await Promise.all(appends)
      assert.deepEqual(
        results.map(([result]) => result?.baseOffset),
        Array.from({ length: 200 }, (_, index) => index),
      )
      assert.ok(log.stats().commits.writes < 50, 'concurrent appends share writes')
      const values = (await readAll(log)).map((found) => Number(found.value?.toString()))
      assert.deepEqual(
        values,
        results.map((_, index) => index),
      )
    })

    test('deletes whole batches that are older than the retention, and no further', async () => {
      const { log } = await fresh()
      for (const timestampMs of [100, 5000, 200, 9000]) {
        await log.append([{ ...at(0), records: [record('k', `${timestampMs}`, timestampMs)] }])
      }
      assert.deepEqual(await log.maintain(1100), {
        expiredBatches: 0,
        compactedRecords: 0,
        more: false,
      })
      assert.equal((await log.maintain(1101)).expiredBatches, 1)
      // The third batch is older than the second, but the log has no holes.
      assert.equal((await log.maintain(5999)).expiredBatches, 0)
      assert.equal((await log.maintain(6001)).expiredBatches, 2)
      const { logStartOffset, records } = await read(log, 3)
      assert.deepEqual([logStartOffset, text(records)], [3, ['3 k=9000']])
      await refusal('OFFSET_OUT_OF_RANGE', () => read(log, 2))
      assert.equal((await log.maintain(20_000)).expiredBatches, 1)
      const [result] = await log.append([{ ...at(0), records: [record('k', 'next', 0)] }])
      assert.equal(result?.baseOffset, 4)
    })

    test('compacts to the last record of each key, at its offset', async () => {
      const { log } = await fresh({ maintenance: { dirtyRecordsMin: 1, dirtyRatioMin: 0 } })
      const partition = 0 as Partition
      const append = (...records: ProducerRecord[]) =>
        log.append([{ topic: table, partition, records }])
      await append(record('a', '1'), record('b', '1'), record('a', '2'))
      await append(record('b', null, 10), record('a', '3'))
      await append(record('c', '1'))
      const report = await log.maintain(0)
      assert.equal(report.compactedRecords, 3)
      assert.deepEqual(text(await readAll(log, table)), ['3 b=null', '4 a=3', '5 c=1'])
      await append(record('c', '2'), record('d', '1'))
      await log.maintain(10)
      // The tombstone has been through a pass, but its day is not over.
      assert.deepEqual(text(await readAll(log, table)), ['3 b=null', '4 a=3', '6 c=2', '7 d=1'])
      await append(record('d', '2'))
      await log.maintain(11 + 24 * 3600 * 1000)
      assert.deepEqual(text(await readAll(log, table)), ['4 a=3', '6 c=2', '8 d=2'])
      // Positions in the gaps still work.
      assert.deepEqual(text(await readAll(log, table, 0, 5)), ['6 c=2', '8 d=2'])
    })

    test('compacts in bounded steps beside appends, and ends at the same records', async () => {
      const { log } = await fresh({
        maintenance: { dirtyRecordsMin: 1, passKeysMax: 5, stepBytesMax: 300 },
      })
      const partition = 0 as Partition
      const last = new Map<string, string>()
      let more = true
      for (let index = 0; index < 200 || more; index++) {
        if (index < 200) {
          const key = `k${(index * 7) % 23}`
          last.set(key, `${index}`)
          await log.append([{ topic: table, partition, records: [record(key, `${index}`)] }])
        }
        more = (await log.maintain(0)).more
      }
      const found = await readAll(log, table)
      assert.ok(found.length < 60, `${found.length} records are left of 200`)
      assert.deepEqual(new Map(found.map(({ key, value }) => [`${key}`, `${value}`])), last)
    })

    test('keeps the last record of a partition, even a tombstone whose time is over', async () => {
      const { log } = await fresh({
        maintenance: { dirtyRecordsMin: 1, tombstoneRetentionMs: 0, dirtyRatioMin: 0 },
      })
      const partition = 0 as Partition
      await log.append([{ topic: table, partition, records: [record('a', null)] }])
      await log.maintain(0)
      await log.append([{ topic: table, partition, records: [record('a', null)] }])
      await log.maintain(1)
      assert.deepEqual(text(await readAll(log, table)), ['1 a=null'])
      assert.equal((await read(log, 0, { name: table })).nextOffset, 2)
    })

    test('keeps scans of state inside their store and partition, in both directions', async () => {
      const { state } = await fresh()
      const edges = [Buffer.alloc(0), Buffer.from([0]), Buffer.from([255]), Buffer.alloc(9, 255)]
      const changes = ['a', 'b'].flatMap((store) =>
        [0, 1, 255, 256].flatMap((partition) =>
          edges.map((key) => ({
            store: store as StoreName,
            partition: partition as Partition,
            key,
            value: Buffer.from(`${store}${partition}`),
          })),
        ),
      )
      await state.write(changes)
      for (const reverse of [false, true]) {
        const address = { store: 'a' as StoreName, partition: 255 as Partition }
        const entries = await state.scan({ ...address, reverse, entriesMax: 100 })
        const expected = reverse ? edges.toReversed() : edges
        assert.deepEqual(
          entries.map(({ key }) => key),
          expected,
        )
        assert.ok(entries.every(({ value }) => value.toString() === 'a255'))
        const limited = await state.scan({ ...address, reverse, entriesMax: 2 })
        assert.equal(limited.length, 2)
      }
      const bounded = await state.scan({
        store: 'b' as StoreName,
        partition: 1 as Partition,
        from: edges[1] as Buffer,
        to: edges[3] as Buffer,
        entriesMax: 100,
      })
      assert.deepEqual(
        bounded.map(({ key }) => key),
        [edges[1], edges[2]],
      )
    })

    test('answers many reads in their order, with null where there is nothing', async () => {
      const { state } = await fresh()
      const key = Buffer.from('k')
      const partition = 0 as Partition
      await state.write([{ store, partition, key, value: Buffer.from('1') }])
      const values = await state.readMany([
        { store: 'never' as StoreName, partition, key },
        { store, partition, key },
        { store, partition: 1 as Partition, key },
      ])
      assert.deepEqual(values.map(String), ['null', '1', 'null'])
      await state.write([{ store, partition, key, value: null }])
      assert.deepEqual(await state.readMany([{ store, partition, key }]), [null])
    })

    test('shares partitions out, revokes before it assigns, and refuses the old generation', async () => {
      const { log } = await fresh()
      const events: string[] = []
      const join = (who: string, extra: Partial<JoinGroupOptions> = {}) =>
        log.joinGroup({
          groupId: 'group',
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
      assert.deepEqual(events, ['a+0,1,2', 'a-2', 'b+2'])
      await refusal('PRODUCER_FENCED', () =>
        log.commitOffsets(before, [{ ...at(2), offset: 1 as Offset }]),
      )
      const stale = (await log.transactionalProducer('t')).begin()
      stale.sendOffsets(before, [{ ...at(2), offset: 1 as Offset }])
      stale.send({ ...at(0), records: [record('a', 'stale')] })
      await refusal('PRODUCER_FENCED', () => stale.commit())
      assert.deepEqual(text(await readAll(log)), [])
      await log.commitOffsets(first.metadata, [{ ...at(0), offset: 1 as Offset }])
      await second.leave()
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
      const { log } = await fresh()
      const options = { groupId: 'group', topics: [topic], userData: () => Buffer.alloc(0) }
      const nothing = () => Promise.resolve()
      const failing = () => Promise.reject(new Error('broken callback'))
      const first = await log.joinGroup({ ...options, onAssigned: nothing, onRevoked: nothing })
      await assert.rejects(
        log.joinGroup({ ...options, onAssigned: failing, onRevoked: nothing }),
        /broken callback/,
      )
      assert.equal(first.assigned.length, 3)
    })

    test('is like plain arrays under any sequence of appends, transactions and fetches', async () => {
      const operation = fc.record({
        kind: fc.constantFrom('append', 'commit', 'abort', 'fetch'),
        partition: fc.integer({ min: 0, max: 2 }),
        count: fc.integer({ min: 1, max: 5 }),
        valueBytes: fc.integer({ min: 0, max: 400 }),
        bytesMax: fc.integer({ min: 1, max: 2000 }),
      })
      const { log } = await fresh()
      const producer = await log.transactionalProducer('model')
      const model: string[][] = [[], [], []]
      let serial = 0
      await fc.assert(
        fc.asyncProperty(
          fc.array(operation, { maxLength: 20 }),
          fc.nat(),
          async (operations, position) => {
            for (const { kind, partition, count, valueBytes, bytesMax } of operations) {
              const expected = model[partition] as string[]
              if (kind === 'fetch') {
                const from = position % (expected.length + 1)
                const found = await readAll(log, topic, partition, from, bytesMax)
                assert.deepEqual(
                  found.map(({ offset, value }) => `${offset} ${value}`),
                  expected.slice(from),
                )
                continue
              }
              const values = Array.from({ length: count }, () =>
                `${serial++}`.padEnd(valueBytes, '.'),
              )
              const records = values.map((value) => record('k', value))
              if (kind === 'append') await log.append([{ ...at(partition), records }])
              else {
                const transaction = producer.begin()
                transaction.send({ ...at(partition), records })
                if (kind === 'commit') await transaction.commit()
                else await transaction.abort()
              }
              if (kind === 'abort') continue
              for (const value of values) expected.push(`${expected.length} ${value}`)
            }
          },
        ),
        { numRuns: 60 },
      )
    })
  })
}
