import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { AssertionError } from '../core/assert.ts'
import { ManualClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import { offset, partition, topicName } from '../core/record.ts'
import { openMemoryStorage } from '../state/memory-backend.ts'
import mcq from '../../topologies/mcq.ts'
import { keepMaintained } from './maintenance.ts'
import { purgeRepartitionTopics, RepartitionPurge } from './purge.ts'

const topic = topicName('mcq-funnel-by-test-repartition')
const at = { topic, partition: partition(0) }
/** All of the topology's: the purge asks for each. */
const repartitionTopics = [topic, topicName('mcq-papers-by-test-repartition')].map(
  (name) => ({ name, partitionCount: 2, cleanupPolicy: 'delete', retentionMs: null }) as const,
)

test('a repartition topic loses what its reader has committed, and nothing more', async () => {
  const { log, close } = await openMemoryStorage({ clock: new ManualClock() })
  await log.createTopics(repartitionTopics)
  const record = { key: null, value: Buffer.from('change'), timestampMs: 0 }
  for (let batch = 0; batch < 3; batch += 1) {
    await log.append([{ ...at, records: [record, record] }])
  }
  const starts = async () => {
    const [description] = await log.describeTopics([topic])
    return description?.partitions.map(({ logStartOffset }) => logStartOffset)
  }
  await purgeRepartitionTopics(log, [mcq])
  assert.deepEqual(await starts(), [0, 0], 'nothing is committed yet')
  const group = { groupId: 'mcq', generationId: -1, memberId: '' }
  await log.commitOffsets(group, [{ ...at, offset: offset(3) }])
  await purgeRepartitionTopics(log, [mcq])
  assert.deepEqual(await starts(), [3, 0])
  const [fetched] = await log.fetch({
    partitions: [{ ...at, offset: offset(3) }],
    bytesMax: 1000,
    bytesPerPartitionMax: 1000,
    waitMaxMs: 0,
    isolation: 'read_committed',
  })
  assert.equal(fetched?.records[0]?.offset, 3)
  await close()
})

test('who may not delete records is told once, and goes on; brokers that are away are waited for', async () => {
  const { log, close } = await openMemoryStorage({ clock: new ManualClock() })
  await log.createTopics(repartitionTopics)
  await log.append([{ ...at, records: [{ key: null, value: Buffer.from('x'), timestampMs: 0 }] }])
  const group = { groupId: 'mcq', generationId: -1, memberId: '' }
  await log.commitOffsets(group, [{ ...at, offset: offset(1) }])
  const deleteRecords = log.deleteRecords.bind(log)
  const refuse = (code: 'KAFKA_REFUSED' | 'KAFKA_UNREACHABLE') => {
    log.deleteRecords = () => Promise.reject(new TidemarkError(code, 'DeleteRecords'))
  }
  const told: string[] = []
  const purge = new RepartitionPurge(log, (line) => told.push(line))
  refuse('KAFKA_REFUSED')
  await purge.run([mcq])
  await purge.run([mcq])
  assert.deepEqual(told, [
    'repartition topics grow, because their records may not be deleted: DeleteRecords',
  ])
  assert.equal(purge.refusal, told[0])
  refuse('KAFKA_UNREACHABLE')
  await assert.rejects(purge.run([mcq]), { code: 'KAFKA_UNREACHABLE' })
  log.deleteRecords = deleteRecords
  await purge.run([mcq])
  assert.equal(purge.refusal, null, 'the right was granted')
  refuse('KAFKA_REFUSED')
  await purge.run([mcq])
  assert.equal(told.length, 2)
  await close()
})

for (const failure of [
  new TidemarkError('OFFSET_OUT_OF_RANGE', 'ahead of the leader'),
  new TidemarkError('TOPIC_UNKNOWN', 'no such topic'),
  new Error('DeleteRecords: UNKNOWN_SERVER_ERROR'),
]) {
  test(`a purge that fails does not end the upkeep, and comes again: ${failure.message}`, async () => {
    const clock = new ManualClock()
    const { log, close } = await openMemoryStorage({ clock })
    await log.createTopics(repartitionTopics)
    await log.append([{ ...at, records: [{ key: null, value: Buffer.from('x'), timestampMs: 0 }] }])
    const group = { groupId: 'mcq', generationId: -1, memberId: '' }
    await log.commitOffsets(group, [{ ...at, offset: offset(1) }])
    const deleteRecords = log.deleteRecords.bind(log)
    log.deleteRecords = () => Promise.reject(failure)
    const told: string[] = []
    const purge = new RepartitionPurge(log, (line) => told.push(line))
    let turn = Promise.withResolvers<undefined>()
    let ended: unknown = null
    const step = async () => {
      await purge.run([mcq])
      turn.resolve(undefined)
      return false
    }
    const end = keepMaintained(step, clock, (thrown) => {
      ended = thrown
      turn.resolve(undefined)
    })
    await turn.promise
    assert.equal(ended, null)
    assert.deepEqual(told, [
      `repartition topics grow, because their records cannot be deleted: ${failure.message}`,
    ])
    assert.equal(purge.refusal, told[0])
    log.deleteRecords = deleteRecords
    turn = Promise.withResolvers()
    // The upkeep has begun to wait once what it awaits is over.
    await setImmediate()
    clock.advance(30_000)
    await turn.promise
    const [description] = await log.describeTopics([topic])
    assert.equal(description?.partitions[0]?.logStartOffset, 1)
    assert.deepEqual([purge.refusal, told.length], [null, 1])
    await end()
    await close()
  })
}

test('a broken invariant in a purge is none of its failures', async () => {
  const { log, close } = await openMemoryStorage({ clock: new ManualClock() })
  await log.createTopics(repartitionTopics)
  log.committedOffsets = () => Promise.reject(new AssertionError('broken'))
  const purge = new RepartitionPurge(log, () => assert.fail('told'))
  await assert.rejects(purge.run([mcq]), AssertionError)
  await close()
})
