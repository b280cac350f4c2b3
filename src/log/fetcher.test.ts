import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { offset, partition, topicName } from '../core/record.ts'
import { MemoryStorage } from './memory/memory-storage.ts'
import { StoredLog } from './stored-log.ts'

const at = { topic: topicName('events'), partition: partition(0) }
const record = { key: null, value: Buffer.from('event'), timestampMs: 0 }
/** More than an append takes until it is visible. */
const microtasksMax = 40

test('a record that comes while a fetch looks is found, whenever it comes', async () => {
  for (let microtasks = 0; microtasks < microtasksMax; microtasks += 1) {
    const log = await StoredLog.open(new MemoryStorage(), {
      clock: new ManualClock(0),
      recordBytesMax: 1024,
    })
    const spec = { partitionCount: 1, cleanupPolicy: 'delete', retentionMs: null } as const
    await log.createTopics([{ name: at.topic, ...spec }])
    const appending = log.append([{ ...at, records: [record] }])
    for (let done = 0; done < microtasks; done += 1) await Promise.resolve()
    let found: number | null = null
    const request = {
      partitions: [{ ...at, offset: offset(0) }],
      bytesMax: 1024,
      bytesPerPartitionMax: 1024,
      waitMaxMs: 60_000,
      isolation: 'read_committed',
    } as const
    const fetching = log.fetch(request).then(([fetched]) => (found = fetched?.records.length ?? 0))
    await appending
    // The clock stands still: who misses the record waits for ever.
    for (let turns = 0; turns < 10; turns += 1) await turn()
    assert.equal(found, 1, `after ${microtasks} microtasks`)
    await fetching
    await log.close()
  }
})
