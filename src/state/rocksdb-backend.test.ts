import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'

import { ManualClock } from '../core/clock.ts'
import type { Offset, Partition, StoreName, TopicName } from '../core/record.ts'
import { logConformance } from '../log/log-conformance.test-suite.ts'
import type { SubjectOptions } from '../log/log-conformance.test-suite.ts'
import { openStorage } from './rocksdb-backend.ts'
import type { Storage } from './rocksdb-backend.ts'

const memoryBudgetBytes = 16 * 1024 * 1024
const maintenance = { dirtyRecordsMin: 1, dirtyRatioMin: 0 }

function open(directory: string, options: SubjectOptions = { clock: new ManualClock() }) {
  return openStorage({ ...options, directory, durability: 'process-crash', memoryBudgetBytes })
}

logConformance('embedded', async (options) => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-log-'))
  const storage = await open(directory, options)
  return {
    log: storage.log,
    state: storage.state,
    close: async () => {
      await storage.close()
      await rm(directory, { recursive: true })
    },
  }
})

const events = 'events' as TopicName
const table = 'table' as TopicName
const partition = 0 as Partition
const key = Buffer.from('k')

async function append(storage: Storage, topic: TopicName, ...values: string[]) {
  const records = values.map((value) => ({ key, value: Buffer.from(value), timestampMs: 0 }))
  const [result] = await storage.log.append([{ topic, partition, records }])
  return result?.baseOffset
}

async function fetchFrom(storage: Storage, topic: TopicName, offset: number) {
  const [found] = await storage.log.fetch({
    partitions: [{ topic, partition, offset: offset as Offset }],
    bytesMax: 1 << 20,
    bytesPerPartitionMax: 1 << 20,
    waitMaxMs: 0,
    isolation: 'read_committed',
  })
  return (found?.records ?? []).map(({ offset, value }) => `${offset}${value}`)
}

describe('an embedded storage that is opened again', () => {
  test('has its topics, records, offsets, state, epochs and the cuts of maintenance', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tidemark-log-'))
    const clock = new ManualClock()
    const stores = ['one', 'two'] as StoreName[]
    let storage = await open(directory, { clock, maintenance })
    try {
      await storage.log.createTopics([
        { name: events, partitionCount: 2, cleanupPolicy: 'delete', retentionMs: 10 },
        { name: table, partitionCount: 1, cleanupPolicy: 'compact', retentionMs: null },
      ])
      await append(storage, events, 'a', 'b')
      await append(storage, table, 'old', 'new')
      const zombie = await storage.log.transactionalProducer('p')
      const fenced = (await storage.log.transactionalProducer('p')).begin()
      fenced.sendOffsets({ groupId: 'g', generationId: -1, memberId: '' }, [
        { topic: events, partition, offset: 2 as Offset, metadata: 'kept' },
      ])
      fenced.writeState(
        stores.map((store) => ({ store, partition, key, value: Buffer.from(store) })),
      )
      await fenced.commit()
      await zombie.close()
      // All of `events` expires, so nothing in the log says where it ended.
      assert.equal((await storage.log.maintain(1000)).expiredBatches, 1)
      await storage.close()

      storage = await open(directory, { clock, maintenance })
      const described = await storage.log.describeTopics()
      assert.deepEqual(
        described.map(({ name, partitionCount, cleanupPolicy, retentionMs, partitions }) => [
          name,
          partitionCount,
          cleanupPolicy,
          retentionMs,
          partitions[0]?.logStartOffset,
          partitions[0]?.highWatermark,
        ]),
        [
          [events, 2, 'delete', 10, 2, 2],
          [table, 1, 'compact', null, 0, 2],
        ],
      )
      assert.equal(await append(storage, events, 'c'), 2)
      assert.deepEqual(await fetchFrom(storage, events, 2), ['2c'])
      assert.deepEqual(await fetchFrom(storage, table, 0), ['1new'])
      assert.deepEqual(await storage.log.committedOffsets('g', [{ topic: events, partition }]), [
        { topic: events, partition, offset: 2, metadata: 'kept' },
      ])
      const values = await storage.state.readMany(
        stores.map((store) => ({ store, partition, key })),
      )
      assert.deepEqual(values.map(String), stores)
      // Nothing is new since the last compaction.
      assert.equal((await storage.log.maintain(1000)).compactedRecords, 0)
      const fencedAgain = (await storage.log.transactionalProducer('p')).begin()
      const transaction = (await storage.log.transactionalProducer('p')).begin()
      await assert.rejects(fencedAgain.commit(), {
        code: 'PRODUCER_FENCED',
        message: /epoch 3, is fenced by epoch 4/,
      })
      transaction.writeState([{ store: 'three' as StoreName, partition, key, value: key }])
      await transaction.commit()
      const [two] = await storage.state.readMany([{ store: 'two' as StoreName, partition, key }])
      assert.equal(String(two), 'two')
    } finally {
      await storage.close()
      await rm(directory, { recursive: true })
    }
  })

  test('reads from the disk what no tail holds, from any position', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tidemark-log-'))
    let storage = await open(directory)
    try {
      await storage.log.createTopics([
        { name: events, partitionCount: 1, cleanupPolicy: 'delete', retentionMs: null },
      ])
      for (let batch = 0; batch < 300; batch++) {
        await append(storage, events, ...Array.from({ length: 7 }, (_, index) => `-${index}`))
      }
      await storage.close()
      storage = await open(directory)
      for (let offset = 0; offset < 2100; offset += 13) {
        const found = await fetchFrom(storage, events, offset)
        assert.equal(found[0], `${offset}-${offset % 7}`)
      }
      // The tail in memory begins here; a read from below it takes both from the disk.
      assert.equal(await append(storage, events, 'x'), 2100)
      assert.deepEqual(await fetchFrom(storage, events, 2099), ['2099-6', '2100x'])
    } finally {
      await storage.close()
      await rm(directory, { recursive: true })
    }
  })
})
