import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { systemClock } from '../core/clock.ts'
import { offset, partition } from '../core/record.ts'
import type { FactConsumer } from './fact-consumer.ts'
import {
  averages,
  consumerOf,
  memorySink,
  openLog,
  records,
  topic,
  unavailable,
  WatchedSink,
} from './fact-consumer.test-support.ts'

const skipsOf = (consumer: FactConsumer) =>
  consumer.status().skips.map(({ atMs: _, ...skip }) => skip)

test('facts that were removed before they were written are counted once, and where they were', async () => {
  const log = await openLog(1)
  const sink = memorySink()
  const first = consumerOf(log, sink)
  await first.start()
  await log.append([records(0, [['ann', 1]])])
  await first.drain()
  await first.stop()
  await log.append([
    records(
      0,
      ['bob', 'cy', 'dan'].map((name, at) => [name, at] as const),
    ),
  ])
  await log.deleteRecords([{ topic, partition: partition(0), offset: offset(3) }])

  const second = consumerOf(log, sink)
  await second.start()
  await second.drain()
  assert.deepEqual(skipsOf(second), [{ topic, partition: 0, offsets: 2, from: 1, to: 3 }])
  assert.deepEqual([second.status().skipped, second.status().lagTotal], [2, 0])
  assert.deepEqual(averages(sink), { ann: 1, dan: 2 })
  // In the middle of its reading: what follows the gap is written.
  await log.append([records(0, [['eve', 3]])])
  await second.drain()
  await second.stop()
  await log.append([records(0, [['fay', 4]])])
  await log.deleteRecords([{ topic, partition: partition(0), offset: offset(6) }])
  const third = consumerOf(log, sink)
  await third.start()
  await third.drain()
  await third.stop()
  assert.deepEqual(skipsOf(third), [{ topic, partition: 0, offsets: 1, from: 5, to: 6 }])

  const fourth = consumerOf(log, sink)
  await fourth.start()
  await fourth.drain()
  await fourth.stop()
  assert.equal(fourth.status().skipped, 0)
})

test('facts that are removed while the consumer lags are counted, and it goes on', async () => {
  const log = await openLog(1)
  const sink = new WatchedSink()
  const consumer = consumerOf(log, sink, { rowsMax: 1, fetchBytesMax: 1 })
  sink.failure = unavailable
  await log.append([records(0, [['ann', 1]])])
  await consumer.start()
  for (const name of ['bob', 'cy', 'dan', 'eve', 'fay']) {
    await log.append([records(0, [[name, 1]])])
  }
  while (sink.attempts === 0) await setImmediate()
  await log.deleteRecords([{ topic, partition: partition(0), offset: offset(5) }])
  sink.failure = null
  await consumer.drain()
  await consumer.stop()
  const [skip] = consumer.status().skips
  assert.equal(skip?.to, 5)
  assert.equal(consumer.status().rowsWritten + consumer.status().skipped, 6)
  assert.equal(averages(sink.inner)['fay'], 1)
})

test('a new consumer at a topic that begins late, and gaps of compaction, skip nothing', async () => {
  const log = await openLog(1)
  await log.append([
    records(
      0,
      ['ann', 'ann', 'ann', 'bob'].map((name, at) => [name, at] as const),
    ),
  ])
  await log.deleteRecords([{ topic, partition: partition(0), offset: offset(1) }])
  await log.maintain(systemClock.nowMs())
  const consumer = consumerOf(log, memorySink())
  await consumer.start()
  await consumer.drain()
  await consumer.stop()
  assert.deepEqual([consumer.status().skipped, consumer.status().skips], [0, []])
})
