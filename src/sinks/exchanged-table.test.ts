/** Another table takes the place of the one that consumers write to, as at the end of a rebuild. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { offset, partition } from '../core/record.ts'
import type { StoredLog } from '../log/stored-log.ts'
import {
  averages,
  consumerOf,
  openLog,
  records,
  table,
  topic,
  unavailable,
  WatchedSink,
} from './fact-consumer.test-support.ts'
import { tellRebuilt } from './rebuilt-facts.ts'

const soon = { tableCheckMs: 1 }
const never = { tableCheckMs: 1e9 }

/** A member's own sink over the tables of another, as two instances have one ClickHouse. */
function sinkBeside(sink: WatchedSink): WatchedSink {
  return Object.assign(new WatchedSink(), { inner: sink.inner })
}

async function committedFor(log: StoredLog): Promise<(string | undefined)[]> {
  const partitions = [0, 1].map((at) => ({ topic, partition: partition(at) }))
  const committed = await log.committedOffsets('test-clickhouse', partitions)
  return committed.map((at) => at?.metadata)
}

test('of two members one is started anew behind a rebuild: both commit for the new table, and drain ends', async () => {
  const log = await openLog(2)
  const sink = new WatchedSink()
  const [first, second] = [consumerOf(log, sink, soon), consumerOf(log, sinkBeside(sink), soon)]
  await first.start()
  await second.start()
  await log.append([records(0, [['ann', 1]]), records(1, [['bob', 2]])])
  await first.drain()
  sink.inner.exchange(table, 'rebuilt', sink.inner.rows(table))
  await second.stop()
  const restarted = consumerOf(log, sinkBeside(sink), soon)
  await restarted.start()
  await log.append([records(0, [['ann', 3]]), records(1, [['bob', 4]])])
  await Promise.all([first.drain(), restarted.drain()])
  assert.deepEqual(await committedFor(log), ['rebuilt', 'rebuilt'])
  assert.deepEqual(averages(sink.inner), { ann: 3, bob: 4 })
  await restarted.stop()
  await first.stop()
  await log.close()
})

test('what the new table lacks is brought while nothing else comes in, before drain ends', async () => {
  const log = await openLog(1)
  const sink = new WatchedSink()
  const consumer = consumerOf(log, sink, never)
  await consumer.start()
  await log.append([records(0, [['ann', 1]]), records(0, [['bob', 2]])])
  await consumer.drain()
  sink.inner.exchange(table, 'rebuilt', [])
  await consumer.drain()
  assert.deepEqual(averages(sink.inner), { ann: 1, bob: 2 })
  await consumer.stop()
  await log.close()
})

test('drain does not end while the new table is known and not yet read for', async () => {
  const log = await openLog(1)
  const sink = new WatchedSink()
  const consumer = consumerOf(log, sink, soon)
  await consumer.start()
  await log.append([records(0, [['ann', 1]])])
  await consumer.drain()
  const committedOffsets = log.committedOffsets.bind(log)
  const asked = Promise.withResolvers<undefined>()
  const gate = Promise.withResolvers<undefined>()
  log.committedOffsets = async (group, partitions) => {
    asked.resolve(undefined)
    await gate.promise
    return await committedOffsets(group, partitions)
  }
  sink.inner.exchange(table, 'rebuilt', [])
  await asked.promise
  const { identitiesOf } = sink
  const looked = Promise.withResolvers<undefined>()
  let looks = 0
  sink.identitiesOf = (names) => {
    looks += 1
    if (looks === 3) looked.resolve(undefined)
    return identitiesOf(names)
  }
  let isDrained = false
  const drained = consumer.drain().then(() => {
    isDrained = true
  })
  await Promise.race([looked.promise, drained])
  assert.equal(isDrained, false)
  gate.resolve(undefined)
  await drained
  assert.deepEqual(averages(sink.inner), { ann: 1 })
  await consumer.stop()
  await log.close()
})

test('whoever made the new table says how far it holds the topic; it is read from there', async () => {
  const log = await openLog(1)
  const sink = new WatchedSink()
  const consumer = consumerOf(log, sink, soon)
  await consumer.start()
  await log.append([records(0, [['ann', 1]]), records(0, [['bob', 2]])])
  await consumer.drain()
  const [ann] = sink.inner.rows(table)
  sink.batches.length = 0
  const reached = new Map([[partition(0), offset(1)]])
  await tellRebuilt(log, topic, { identity: 'rebuilt', epoch: 1 }, reached)
  sink.inner.exchange(table, 'rebuilt', ann === undefined ? [] : [ann])
  await consumer.drain()
  const students = sink.batches.flatMap((batch) =>
    batch.flatMap(({ rows }) => rows.map((row) => row['student_id'])),
  )
  assert.deepEqual(students, ['bob'])
  assert.deepEqual(averages(sink.inner), { ann: 1, bob: 2 })
  await consumer.stop()
  await log.close()
})

test('how far a table holds an earlier incarnation of its topic says nothing of the next', async () => {
  const log = await openLog(1)
  const sink = new WatchedSink()
  await log.append([records(0, [['ann', 1]]), records(0, [['bob', 2]])])
  sink.inner.exchange(table, 'rebuilt', [])
  const reached = new Map([[partition(0), offset(2)]])
  await tellRebuilt(log, topic, { identity: 'rebuilt', epoch: 1 }, reached)
  const consumer = consumerOf(log, sink, { epoch: 2 })
  await consumer.start()
  await consumer.drain()
  assert.deepEqual(averages(sink.inner), { ann: 1, bob: 2 })
  await consumer.stop()
  await log.close()
})

test('a batch that was under way at the exchange counts for the old table', async () => {
  const log = await openLog(1)
  const sink = new WatchedSink()
  const consumer = consumerOf(log, sink, soon)
  await consumer.start()
  const tried = Promise.withResolvers<undefined>()
  const write = sink.write.bind(sink)
  const gate = Promise.withResolvers<undefined>()
  sink.write = async (batches) => {
    await write(batches)
    sink.write = write
    tried.resolve(undefined)
    await gate.promise
  }
  await log.append([records(0, [['ann', 1]])])
  await tried.promise
  // It is in the old table, and its offset is not committed yet.
  sink.inner.exchange(table, 'rebuilt', [])
  gate.resolve(undefined)
  await consumer.drain()
  assert.deepEqual(averages(sink.inner), { ann: 1 })
  await consumer.stop()
  await log.close()
})

test('a table that cannot be asked for is taken for the same, and asked for again', async () => {
  const log = await openLog(1)
  const sink = new WatchedSink()
  const consumer = consumerOf(log, sink, soon)
  await consumer.start()
  const asked = Promise.withResolvers<undefined>()
  const { identitiesOf } = sink
  let failures = 0
  sink.identitiesOf = () => {
    failures += 1
    if (failures === 3) asked.resolve(undefined)
    return Promise.reject(unavailable)
  }
  await asked.promise
  await log.append([records(0, [['ann', 1]])])
  await consumer.drain()
  sink.inner.exchange(table, 'rebuilt', [])
  sink.identitiesOf = identitiesOf
  await consumer.drain()
  assert.deepEqual(averages(sink.inner), { ann: 1 })
  assert.equal(consumer.status().state, 'running')
  await consumer.stop()
  await log.close()
})
