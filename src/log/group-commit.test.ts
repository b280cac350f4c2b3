import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { ManualClock } from '../core/clock.ts'
import { TidemarkError } from '../core/errors.ts'
import type { Offset, Partition, TopicName } from '../core/record.ts'
import { MemoryStorage } from './memory/memory-storage.ts'
import type { StorageOperation } from './ordered-storage.ts'
import { StoredLog } from './stored-log.ts'

/** A memory whose writes fail when told to: before they change anything, or after, as a sync can. */
class FlakyStorage extends MemoryStorage {
  failure: 'before' | 'after' | null = null
  recoverable = true
  /** Set: a write waits for it. */
  gate: Promise<void> | null = null

  /** Set: a write is in the storage, but waits for it before it counts as durable. */
  gateAfter: Promise<void> | null = null

  override async write(operations: readonly StorageOperation[]): Promise<void> {
    await this.gate
    const { failure } = this
    if (failure !== 'before') await super.write(operations)
    await this.gateAfter
    if (failure !== null) throw new TidemarkError('DISK_FULL', `failed ${failure}`)
  }

  override recover(): Promise<void> {
    if (this.recoverable) return Promise.resolve()
    return Promise.reject(new TidemarkError('DISK_FULL', 'still full'))
  }
}

const topic = 'answers' as TopicName
const at = { topic, partition: 0 as Partition }
const group = { groupId: 'group', generationId: -1, memberId: '' }

async function openFlaky(queuedBytesMax?: number) {
  const storage = new FlakyStorage()
  const clock = new ManualClock()
  const log = await StoredLog.open(storage, {
    clock,
    // Every fetch reads the storage.
    tailCacheBytesMax: 0,
    ...(queuedBytesMax === undefined ? {} : { queuedBytesMax }),
  })
  await log.createTopics([
    { name: topic, partitionCount: 1, cleanupPolicy: 'delete', retentionMs: null },
  ])
  const commit = async (text: string) => {
    const transaction = (await log.transactionalProducer('p')).begin()
    transaction.send({ ...at, records: [record(text)] })
    transaction.sendOffsets(group, [{ ...at, offset: text.length as Offset }])
    await transaction.commit()
  }
  return { storage, log, commit }
}

function record(text: string) {
  return { key: null, value: Buffer.from(text), timestampMs: 0 }
}

async function texts(log: StoredLog): Promise<string[]> {
  const [found] = await log.fetch({
    partitions: [{ ...at, offset: 0 as Offset }],
    bytesMax: 1 << 20,
    bytesPerPartitionMax: 1 << 20,
    waitMaxMs: 0,
    isolation: 'read_committed',
  })
  return (found?.records ?? []).map(({ offset, value }) => `${offset}${value}`)
}

describe('the single writer', () => {
  test('shows nothing of a write that failed before it began, and goes on after it', async () => {
    const { storage, log } = await openFlaky()
    await log.append([{ ...at, records: [record('a')] }])
    storage.failure = 'before'
    await assert.rejects(log.append([{ ...at, records: [record('b')] }]), { code: 'DISK_FULL' })
    assert.deepEqual(await texts(log), ['0a'])
    storage.failure = null
    const [result] = await log.append([{ ...at, records: [record('c')] }])
    assert.equal(result?.baseOffset, 1)
    assert.deepEqual(await texts(log), ['0a', '1c'])
  })

  test('reads the storage anew where a failed write may have reached it, offsets included', async () => {
    const { storage, log, commit } = await openFlaky()
    await commit('a')
    const transaction = (await log.transactionalProducer('p')).begin()
    transaction.send({ ...at, records: [record('bb')] })
    transaction.sendOffsets(group, [{ ...at, offset: 2 as Offset }])
    storage.failure = 'after'
    await assert.rejects(transaction.commit(), { code: 'DISK_FULL' })
    assert.equal((await log.committedOffsets('group', [at]))[0]?.offset, 1)
    storage.failure = null
    await log.append([{ ...at, records: [record('c')] }])
    // What the failed commit left is one whole transaction.
    assert.deepEqual(await texts(log), ['0a', '1bb', '2c'])
    assert.equal((await log.committedOffsets('group', [at]))[0]?.offset, 2)
  })

  test('shows no record before it is durable, though the storage holds it', async () => {
    const { storage, log } = await openFlaky()
    await log.append([{ ...at, records: [record('a')] }])
    let openGate = () => {}
    storage.gateAfter = new Promise((resolve) => {
      openGate = resolve
    })
    const append = log.append([{ ...at, records: [record('b')] }])
    await new Promise(setImmediate)
    assert.deepEqual(await texts(log), ['0a'])
    openGate()
    await append
    assert.deepEqual(await texts(log), ['0a', '1b'])
  })

  test('refuses every job while the storage cannot recover', async () => {
    const { storage, log } = await openFlaky()
    storage.failure = 'before'
    await assert.rejects(log.append([{ ...at, records: [record('a')] }]), { code: 'DISK_FULL' })
    storage.failure = null
    storage.recoverable = false
    await assert.rejects(log.append([{ ...at, records: [record('b')] }]), /still full/)
    storage.recoverable = true
    await log.append([{ ...at, records: [record('c')] }])
    assert.deepEqual(await texts(log), ['0c'])
  })

  test('refuses appends beyond its queue, and takes them again when it is written', async () => {
    const { storage, log } = await openFlaky(100)
    let openGate = () => {}
    storage.gate = new Promise((resolve) => {
      openGate = resolve
    })
    const append = (text: string) => log.append([{ ...at, records: [record(text)] }])
    const first = append('a'.repeat(60))
    // The first write is under way and holds nothing of the queue.
    await new Promise(setImmediate)
    const waiting = [append('b'.repeat(60)), append('c'.repeat(60))]
    await assert.rejects(append('d'), { code: 'BACK_PRESSURE', message: /queuedBytesMax/ })
    openGate()
    await Promise.all([first, ...waiting])
    await append('e')
    assert.equal((await texts(log)).length, 4)
  })

  test('refuses one job by itself without harm to those beside it', async () => {
    const { log } = await openFlaky()
    const fenced = (await log.transactionalProducer('p')).begin()
    const successor = (await log.transactionalProducer('p')).begin()
    fenced.send({ ...at, records: [record('zombie')] })
    successor.send({ ...at, records: [record('b')] })
    const before = log.stats().commits.writes
    const outcomes = await Promise.allSettled([
      log.append([{ ...at, records: [record('a')] }]),
      fenced.commit(),
      successor.commit(),
    ])
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    assert.equal(log.stats().commits.writes, before + 1)
    assert.deepEqual(await texts(log), ['0a', '1b'])
  })
})
