import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { TidemarkError } from '../core/errors.ts'
import { partition } from '../core/record.ts'
import type { Row, Sink } from './sink.ts'
import {
  averages,
  consumerOf,
  keySerde,
  memorySink,
  openLog,
  records,
  topic,
  unavailable,
  WatchedSink,
} from './fact-consumer.test-support.ts'

test('facts become rows with key, version, times and deletion', async () => {
  const log = await openLog()
  const sink = new WatchedSink()
  const consumer = consumerOf(log, sink)
  await log.append([
    records(0, [
      ['ann', 1],
      ['bob', 2],
      ['bob', null],
    ]),
    records(1, [['cy', 3]]),
  ])
  await consumer.start()
  await consumer.drain()
  await consumer.stop()
  const rows = sink.batches.flatMap((batch) => batch.flatMap((part) => part.rows))
  const byStudent = new Map<unknown, Row>(rows.map((row) => [row['student_id'], row]))
  assert.deepEqual(byStudent.get('ann'), {
    average: 1,
    event_time: 5,
    known_at: 7,
    student_id: 'ann',
    version: 1n << 48n,
    is_deleted: 0,
  })
  assert.deepEqual(byStudent.get('bob'), {
    student_id: 'bob',
    event_time: 3,
    known_at: 3,
    version: (1n << 48n) | 2n,
    is_deleted: 1,
  })
  assert.deepEqual(averages(sink.inner), { ann: 1, cy: 3 })
  assert.equal(consumer.status().lagTotal, 0)
  await log.close()
})

test('a table that was lost and made anew is filled from the start, one that was kept is not', async () => {
  const log = await openLog(1)
  const kept = new WatchedSink()
  const runWith = async (sink: Sink) => {
    const consumer = consumerOf(log, sink)
    await consumer.start()
    await consumer.drain()
    await consumer.stop()
  }
  await log.append([records(0, [['ann', 1]])])
  await runWith(kept)
  await log.append([records(0, [['bob', 2]])])
  await runWith(kept)
  const written = kept.batches.map((batch) => batch.flatMap(({ rows }) => rows.length))
  assert.deepEqual(written, [[1], [1]])
  const anew = memorySink()
  await runWith(anew)
  assert.deepEqual(averages(anew), { ann: 1, bob: 2 })
  await log.close()
})

test('only the last version of a key within a batch is written', async () => {
  const log = await openLog(1)
  const sink = new WatchedSink()
  await log.append([
    records(
      0,
      Array.from({ length: 50 }, (_, index) => ['ann', index] as const),
    ),
  ])
  const consumer = consumerOf(log, sink, { ageMaxMs: 50 })
  await consumer.start()
  await consumer.drain()
  await consumer.stop()
  assert.equal(consumer.status().rowsWritten, 1)
  assert.deepEqual(averages(sink.inner), { ann: 49 })
  await log.close()
})

test('a batch ends at its rows, and none is larger', async () => {
  const log = await openLog(1)
  const sink = new WatchedSink()
  await log.append([
    records(
      0,
      Array.from({ length: 25 }, (_, index) => [`s${index}`, index] as const),
    ),
  ])
  const consumer = consumerOf(log, sink, { rowsMax: 4 })
  await consumer.start()
  await consumer.drain()
  await consumer.stop()
  const sizes = sink.batches.map((batch) => batch.reduce((sum, part) => sum + part.rows.length, 0))
  assert.ok(Math.max(...sizes) <= 4, `batches of ${sizes.join(', ')} rows`)
  assert.equal(Object.keys(averages(sink.inner)).length, 25)
  await log.close()
})

test('a stop writes what was read; the next start goes on behind it', async () => {
  const log = await openLog(1)
  const sink = new WatchedSink()
  await log.append([records(0, [['ann', 1]])])
  const first = consumerOf(log, sink)
  await first.start()
  await first.drain()
  await first.stop()
  await log.append([records(0, [['bob', 2]])])
  const second = consumerOf(log, sink)
  await second.start()
  await second.drain()
  await second.stop()
  assert.equal(second.status().rowsWritten, 1)
  assert.deepEqual(averages(sink.inner), { ann: 1, bob: 2 })
  await log.close()
})

test('while the sink is unavailable the consumer pauses, shows its lag and loses nothing', async () => {
  const log = await openLog(1)
  const sink = new WatchedSink()
  sink.failure = unavailable
  const consumer = consumerOf(log, sink, { lagMax: 2, rowsMax: 1 })
  const tried = new Promise<void>((resolve) => {
    sink.onAttempt = () => {
      if (sink.attempts === 3) resolve()
    }
  })
  await consumer.start()
  await log.append([
    records(0, [
      ['ann', 1],
      ['bob', 2],
      ['cy', 3],
    ]),
  ])
  await tried
  assert.equal(consumer.status().state, 'paused')
  assert.equal(consumer.status().lag['exams.averages'], 3)
  assert.ok((consumer.backPressure()?.retryAfterMs ?? 0) > 0)
  sink.failure = null
  await consumer.drain()
  assert.equal(consumer.backPressure(), null)
  assert.equal(consumer.status().state, 'running')
  await consumer.stop()
  assert.deepEqual(averages(sink.inner), { ann: 1, bob: 2, cy: 3 })
  await log.close()
})

test('while the disk has no room for offsets the consumer pauses, and goes on once there is', async () => {
  const log = await openLog()
  const sink = new WatchedSink()
  const commitOffsets = log.commitOffsets.bind(log)
  const refused = Promise.withResolvers<null>()
  let isFull = true
  log.commitOffsets = async (group, offsets) => {
    if (!isFull) return commitOffsets(group, offsets)
    refused.resolve(null)
    throw new TidemarkError('DISK_FULL', 'no room', { details: { retryAfterMs: 1 } })
  }
  const consumer = consumerOf(log, sink)
  await log.append([records(0, [['ann', 1]])])
  await consumer.start()
  await refused.promise
  await setImmediate()
  assert.deepEqual([consumer.status().state, consumer.status().reason], ['paused', 'no room'])
  isFull = false
  await consumer.drain()
  assert.equal(consumer.status().state, 'running')
  assert.equal(sink.batches.length, 1)
  await consumer.stop()
  await log.close()
})

test('a batch given up to another member does not leave the consumer paused', async () => {
  const log = await openLog(2)
  const sink = memorySink()
  const commitOffsets = log.commitOffsets.bind(log)
  const refused = Promise.withResolvers<null>()
  let isRefusing = true
  log.commitOffsets = async (group, offsets) => {
    if (!isRefusing) return commitOffsets(group, offsets)
    refused.resolve(null)
    throw new TidemarkError('PRODUCER_FENCED', 'the generation is over')
  }
  const first = consumerOf(log, sink)
  await log.append([records(0, [['ann', 1]]), records(1, [['bob', 2]])])
  await first.start()
  await refused.promise
  // Takes a partition of the first, which gives up what it holds.
  const second = consumerOf(log, sink)
  await second.start()
  isRefusing = false
  await Promise.all([first.drain(), second.drain()])
  assert.equal(first.status().state, 'running')
  await first.stop()
  await second.stop()
  assert.deepEqual(averages(sink), { ann: 1, bob: 2 })
  await log.close()
})

test('facts are drained when they are queryable, whichever member writes them', async () => {
  const log = await openLog(2)
  const sink = new WatchedSink()
  // The same tables, which the other member cannot reach.
  const away = Object.assign(new WatchedSink(), { inner: sink.inner })
  away.failure = unavailable
  const tried = Promise.withResolvers<null>()
  away.onAttempt = () => {
    tried.resolve(null)
  }
  const [first, second] = [consumerOf(log, sink), consumerOf(log, away)]
  await first.start()
  await second.start()
  await log.append([records(0, [['ann', 1]]), records(1, [['bob', 2]])])
  await tried.promise
  while (first.status().rowsWritten === 0 || first.status().lagTotal > 0) await setImmediate()
  let isDrained = false
  const drained = first.drain().then(() => {
    isDrained = true
  })
  const attempts = away.attempts
  while (away.attempts < attempts + 3) await setImmediate()
  assert.equal(isDrained, false)
  away.failure = null
  await drained
  assert.deepEqual(averages(sink.inner), { ann: 1, bob: 2 })
  await first.stop()
  await second.stop()
  await log.close()
})

test('stopped while the sink is away, the consumer leaves every unwritten fact to the next start', async () => {
  const log = await openLog(1)
  const sink = new WatchedSink()
  sink.failure = unavailable
  const first = consumerOf(log, sink, { rowsMax: 1 })
  const tried = new Promise<void>((resolve) => {
    sink.onAttempt = resolve
  })
  await log.append([
    records(0, [
      ['ann', 1],
      ['bob', 2],
      ['cy', 3],
    ]),
  ])
  await first.start()
  await tried
  // The sink is back before the stop is over: a later batch must not pass the one that was given up.
  const stopped = first.stop()
  sink.failure = null
  await stopped
  const second = consumerOf(log, sink)
  await second.start()
  await second.drain()
  await second.stop()
  assert.deepEqual(averages(sink.inner), { ann: 1, bob: 2, cy: 3 })
  await log.close()
})

test('stopped, or told to let go, while the sink hangs, the consumer cuts the write and leaves its facts to the next', async () => {
  const log = await openLog(2)
  const sink = new WatchedSink()
  let attempts = 0
  let onAttempt: (count: number) => void = () => {}
  const hanging: Sink = {
    setup: () => sink.setup(),
    identitiesOf: (names) => sink.identitiesOf(names),
    close: () => sink.close(),
    write: async (_, signal) => {
      onAttempt(++attempts)
      await new Promise((resolve) => signal?.addEventListener('abort', resolve))
      throw unavailable
    },
  }
  const attempted = (wanted: number) =>
    new Promise<void>((resolve) => {
      onAttempt = (count) => {
        if (count === wanted) resolve()
      }
    })
  await log.append([records(0, [['ann', 1]]), records(1, [['bob', 2]])])
  const first = consumerOf(log, hanging, { stopGraceMs: 1 })
  const firstHangs = attempted(1)
  await first.start()
  await firstHangs
  // One of its two partitions goes to the second; the other it writes again.
  const bothHang = attempted(3)
  const second = consumerOf(log, hanging, { stopGraceMs: 1 })
  await second.start()
  await bothHang
  for (const consumer of [first, second]) {
    await consumer.stop()
    assert.equal(consumer.status().state, 'stopped')
    assert.equal(consumer.status().rowsWritten, 0)
  }
  const third = consumerOf(log, sink)
  await third.start()
  await third.drain()
  await third.stop()
  assert.deepEqual(averages(sink.inner), { ann: 1, bob: 2 })
  await log.close()
})

test('a refusal or an unreadable fact ends the consumer, naming where, and its offset stays', async () => {
  const log = await openLog(1)
  const sink = new WatchedSink()
  const value = Buffer.from('x')
  const key = keySerde.serialize(['ann'])
  const corrupt = { topic, partition: partition(0), records: [{ key, value, timestampMs: 3 }] }
  await log.append([corrupt])
  let ended: (error: unknown) => void = () => {}
  const failed = new Promise<unknown>((resolve) => {
    ended = resolve
  })
  const consumer = consumerOf(log, sink, { onFailure: ended })
  await consumer.start()
  const error = await failed
  assert.ok(error instanceof TidemarkError)
  assert.equal(error.code, 'AVRO_CORRUPT')
  assert.match(error.message, /exams\.averages: exams\.averages-0 at offset 0/)
  assert.equal(consumer.status().state, 'failed')
  await assert.rejects(consumer.drain(), { code: 'SINK_UNAVAILABLE' })
  await consumer.stop()
  const [committed] = await log.committedOffsets('test-clickhouse', [
    { topic, partition: partition(0) },
  ])
  assert.equal(committed, null)
  await log.close()
})

test('any partitions, batch sizes, failures and restarts give the last fact of every key', async () => {
  const facts = fc.array(
    fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.option(fc.nat(9), { nil: null })),
    { maxLength: 40 },
  )
  const property = fc.asyncProperty(
    facts,
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 0, max: 3 }),
    async (all, partitionCount, rowsMax, failures) => {
      const log = await openLog(partitionCount)
      const sink = new WatchedSink()
      sink.failure = failures > 0 ? unavailable : null
      sink.onAttempt = () => {
        if (sink.attempts >= failures) sink.failure = null
      }
      const half = Math.ceil(all.length / 2)
      for (const part of [all.slice(0, half), all.slice(half)]) {
        for (const [student, average] of part) {
          const at = student.charCodeAt(0) % partitionCount
          await log.append([records(at, [[student, average]])])
        }
        const consumer = consumerOf(log, sink, { rowsMax })
        await consumer.start()
        await consumer.drain()
        await consumer.stop()
      }
      const expected = new Map(all)
      for (const [student, average] of expected) if (average === null) expected.delete(student)
      assert.deepEqual(averages(sink.inner), Object.fromEntries(expected))
      await log.close()
    },
  )
  await fc.assert(property, { numRuns: 25 })
})
