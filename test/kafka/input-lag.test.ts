/** Lag on a broker: what comes while a task fetches nothing is seen all the same. */
import assert from 'node:assert/strict'
import { systemClock } from '../../src/core/clock.ts'
import { topicName } from '../../src/core/record.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { words as plainWords } from '../../src/runtime/test-support/counting.ts'
import { send, testRuntime, until } from '../../src/runtime/test-support/harness.ts'
import { openMemoryStorage } from '../../src/state/memory-backend.ts'
import { defineTopology } from '../../src/topology/define.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'

kafkaTest('what comes while the buffers are full counts as lag', async (kafka, t) => {
  const words = { ...plainWords, name: topicName(kafka.unique('words')), partitionCount: 2 }
  const topology = defineTopology(kafka.unique('counting'), (builder) => {
    builder.stream('word', words).groupByKey('by-word').count('count', { store: 'counts' })
  })
  const log = await openKafkaLog({
    ...{ bootstrapServers: kafka.servers, clientId: 'lag', clock: systemClock },
    group: { sessionTimeoutMs: 6000, heartbeatIntervalMs: 200 },
  })
  t.after(() => log.close())
  const storage = await openMemoryStorage({ clock: systemClock })
  t.after(() => storage.close())
  let isPaused = true
  const runtime = testRuntime(
    [topology],
    { log, state: storage.state },
    {
      pausedUntil: () => (isPaused ? systemClock.nowMs() + 20 : null),
      limits: { bufferedRecordsMax: 1, batchBytesMax: 1 },
    },
  )
  t.after(() => runtime.stop())
  await runtime.start()
  const say = (count: number) =>
    send(
      log,
      words,
      Array.from({ length: count }, (_, index) => ({
        ...{ id: `${index}`, word: `w${index % 9}`, atMs: index },
      })),
    )
  const totals = () => runtime.status().totals
  await say(100)
  await until('the buffers are full', () =>
    runtime.status().tasks.every(({ inputs }) => inputs[0]?.buffered ?? 0),
  )
  await say(200)
  await until('all of it is seen', () => totals().lag === 300)
  await say(50)
  await until('and what comes later', () => totals().lag === 350)
  assert.equal(totals().processed, 0)
  isPaused = false
  await until('all is processed', () => totals().processed === 350)
  await until('nothing is left', () => totals().lag === 0)
})
