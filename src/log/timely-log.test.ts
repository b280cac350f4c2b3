import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { partition, topicName } from '../core/record.ts'
import type { AppendResult, Log, PartitionRecords } from './log.ts'
import { MemoryStorage } from './memory/memory-storage.ts'
import { StoredLog } from './stored-log.ts'
import { TimelyLog } from './timely-log.ts'

const topic = topicName('events')
const options = { waitMaxMs: 1_000, settingName: 'kafka.doorWaitMaxMs' }

function at(number: number): PartitionRecords {
  const record = { key: null, value: Buffer.from('x'), timestampMs: 0 }
  return { topic, partition: partition(number), records: [record] }
}

/** Appends of partition 1 are for the test to settle. */
async function logs() {
  const clock = new ManualClock()
  const log = await StoredLog.open(new MemoryStorage(), { clock })
  await log.createTopics([
    { name: topic, partitionCount: 2, cleanupPolicy: 'delete', retentionMs: null },
  ])
  const held: PromiseWithResolvers<readonly AppendResult[]>[] = []
  const append = log.append.bind(log)
  log.append = (batches) => {
    if (batches.every((batch) => batch.partition === 0)) return append(batches)
    held.push(Promise.withResolvers())
    return held.at(-1)?.promise ?? append(batches)
  }
  const timely: Log = new TimelyLog(log, { clock, ...options })
  return { clock, log, timely, held }
}

test('what answers in time is passed on, and leaves no timer behind', async () => {
  const { clock, log, timely } = await logs()
  const [placed] = await timely.append([at(0)])
  assert.equal(placed?.baseOffset, 0)
  const [described] = await timely.describeTopics([topic])
  assert.equal(described?.partitionCount, 2)
  clock.advance(10_000)
  await log.close()
})

test('what fails in time fails as it is', async () => {
  const { log, timely, held } = await logs()
  const failing = timely.append([at(1)])
  held[0]?.reject(new RangeError('no'))
  await assert.rejects(failing, RangeError)
  await assert.rejects(timely.describeTopics([topicName('none')]), { code: 'TOPIC_UNKNOWN' })
  await log.close()
})

test('a late append holds back only its own partitions, until its outcome is known', async () => {
  for (const settle of ['resolve', 'reject'] as const) {
    const { clock, log, timely, held } = await logs()
    const [first, second] = [timely.append([at(1)]), timely.append([at(1)])]
    clock.advance(1_000)
    const late = { code: 'KAFKA_UNREACHABLE', details: { retryAfterMs: 2_000 } }
    await assert.rejects(first, late)
    await assert.rejects(second, late)
    await assert.rejects(timely.append([at(0), at(1)]), /events-1 waits for Kafka; nothing was/)
    assert.equal(held.length, 2)
    assert.equal((await timely.append([at(0)])).length, 1)
    const outcome = settle === 'resolve' ? [] : (new Error('gone') as never)
    held[0]?.[settle](outcome)
    await new Promise(setImmediate)
    await assert.rejects(timely.append([at(1)]), /nothing was taken/, 'the second is still late')
    held[1]?.[settle](outcome)
    await new Promise(setImmediate)
    const again = timely.append([at(1)])
    held[2]?.resolve([])
    assert.deepEqual(await again, [])
    await log.close()
  }
})
