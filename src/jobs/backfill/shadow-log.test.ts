import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { offset, partition, topicName } from '../../core/record.ts'
import type { EncodedLog } from '../../log/encoded-log.ts'
import { decodeRecordBatch } from '../../log/record-batch.ts'
import type { FetchRequest, Log } from '../../log/log.ts'
import { MemoryStorage } from '../../log/memory/memory-storage.ts'
import { StoredLog } from '../../log/stored-log.ts'
import { cutOf, shadowLog } from './shadow-log.ts'

const events = topicName('events')
const facts = topicName('facts')
const spec = { cleanupPolicy: 'delete', retentionMs: null } as const

async function stage() {
  const open = () => StoredLog.open(new MemoryStorage(), { clock: systemClock })
  const [live, own] = [await open(), await open()]
  await live.createTopics([{ name: events, partitionCount: 2, ...spec }])
  await say(live, 'a', 'b')
  const cut = await cutOf(live, [events])
  const shadow = shadowLog(live, own, cut, systemClock)
  await shadow.createTopics([
    { name: events, partitionCount: 8, ...spec },
    { name: facts, partitionCount: 1, ...spec },
  ])
  return { live, own, shadow }
}

const say = (log: Log, ...values: readonly string[]) =>
  log.append([{ topic: events, partition: partition(0), records: values.map(record) }])
const record = (value: string) => ({ key: null, value: Buffer.from(value), timestampMs: 1 })

function asked(...places: readonly [name: typeof events, from: number][]): FetchRequest {
  return {
    partitions: places.map(([topic, from]) => ({
      topic,
      partition: partition(0),
      offset: offset(from),
    })),
    bytesMax: 1_000_000,
    bytesPerPartitionMax: 1_000_000,
    waitMaxMs: 0,
    isolation: 'read_committed',
  }
}

const text = (value: Buffer | null) => value?.toString()

test('of the live log it has what was there at the cut, and its own of everything else', async () => {
  const { live, own, shadow } = await stage()
  await say(live, 'late')
  await shadow.append([{ topic: facts, partition: partition(0), records: [record('fact')] }])
  const found = await shadow.fetch(asked([facts, 0], [events, 0]))
  assert.deepEqual(
    found.map(({ topic, records, nextOffset, lastStableOffset }) => [
      ...[topic, records.map(({ value }) => text(value)).join(' ')],
      ...[nextOffset, lastStableOffset],
    ]),
    [
      [facts, 'fact', 1, 1],
      [events, 'a b', 2, 2],
    ],
  )
  const encoded = await (shadow as EncodedLog).fetchEncoded(asked([events, 1]))
  assert.deepEqual(
    encoded.flatMap(({ batches }) =>
      batches.flatMap(({ bytes, baseOffset }) =>
        decodeRecordBatch(bytes, baseOffset, offset(1)).map(({ value }) => text(value)),
      ),
    ),
    ['b'],
  )
  assert.deepEqual(
    (await live.describeTopics()).map(({ name }) => name),
    [events],
  )
  const [empty] = await own.describeTopics([events])
  assert.ok(empty?.partitions.every(({ highWatermark }) => highWatermark === 0))
})

test('at the cut there is nothing more, however much the live log goes on', async () => {
  const { live, shadow } = await stage()
  await say(live, 'late')
  const [found] = await shadow.fetch(asked([events, 2]))
  assert.deepEqual([found?.records, found?.nextOffset, found?.lastStableOffset], [[], 2, 2])
  const [described] = await shadow.describeTopics([events])
  assert.deepEqual(
    described?.partitions.map(({ highWatermark }) => highWatermark),
    [2, 0],
    'with as many partitions as the live one has',
  )
})

test('positions are its own, and what it reads cannot be written', async () => {
  const { live, shadow } = await stage()
  const at = { topic: events, partition: partition(0) }
  const group = { groupId: 'mcq', generationId: -1, memberId: '' }
  await shadow.commitOffsets(group, [{ ...at, offset: offset(2) }])
  assert.equal((await shadow.committedOffsets('mcq', [at]))[0]?.offset, 2)
  assert.deepEqual(await live.committedOffsets('mcq', [at]), [null])
  await assert.rejects(say(shadow, 'mine'), /only read/)
})
