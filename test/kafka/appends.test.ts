/** What a broker refuses of appends that went together: only who wrote it is told. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'

import { systemClock } from '../../src/core/clock.ts'
import type { Offset, Partition, ProducerRecord, TopicName } from '../../src/core/record.ts'
import type { KafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { configureTopic } from './support/configure-topic.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import type { TestKafka } from './support/kafka-for-tests.ts'
import { ourLogOnly } from './support/our-log.ts'

kafkaTest('batches beyond the limit of the brokers are halved until they fit', async (kafka, t) => {
  const { log, at } = await smallBatches(t, kafka)
  const values = Array.from({ length: 50 }, (_, index) => `${index}`.padEnd(200, '.'))
  const [result] = await log.append([{ ...at, records: values.map((value) => record('k', value)) }])
  assert.equal(result?.baseOffset, 0)
  assert.deepEqual(await valuesOf(log, at), values)
})

kafkaTest(
  'one record beyond that limit is refused, what went with it is kept',
  async (kafka, t) => {
    const { log, at } = await smallBatches(t, kafka)
    const results = await Promise.allSettled(
      ['a', 'b'.repeat(3_000), 'c', 'd'].map((value) =>
        log.append([{ ...at, records: [record('k', value)] }]),
      ),
    )
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    )
    const [, refused] = results
    assert.ok(refused?.status === 'rejected')
    assert.equal((refused.reason as { code?: string }).code, 'RECORD_TOO_LARGE')
    assert.deepEqual(await valuesOf(log, at), ['a', 'c', 'd'])
  },
)

kafkaTest('a record without its key is refused, what went with it is kept', async (kafka, t) => {
  const log = await ourLogOnly(t, kafka)
  const at = await newTopic(kafka, log, 'compact')
  const results = await Promise.allSettled(
    ['a', null, 'c'].map((key) => log.append([{ ...at, records: [record(key, `of ${key}`)] }])),
  )
  assert.deepEqual(
    results.map((result) =>
      result.status === 'fulfilled' ? 'kept' : (result.reason as { code?: string }).code,
    ),
    ['kept', 'KEY_MISSING', 'kept'],
  )
  assert.deepEqual(await valuesOf(log, at), ['of a', 'of c'])
})

kafkaTest('records of long ago and of far ahead are taken as they are', async (kafka, t) => {
  const log = await ourLogOnly(t, kafka)
  const at = await newTopic(kafka, log, 'delete')
  const timestamps = [-1, 0, 1_000, systemClock.nowMs() + 30 * 24 * 3_600_000]
  await log.append([
    { ...at, records: timestamps.map((timestampMs) => ({ ...record('k', 'v'), timestampMs })) },
  ])
  const [found] = await log.fetch({ ...all(at), waitMaxMs: 0 })
  assert.deepEqual(
    found?.records.map(({ timestampMs }) => timestampMs),
    timestamps,
  )
})

async function smallBatches(t: TestContext, kafka: TestKafka) {
  const log = await ourLogOnly(t, kafka)
  const at = await newTopic(kafka, log, 'delete')
  await configureTopic(kafka, at.topic, { 'max.message.bytes': '2000' })
  for (;;) {
    const configuration = await log.topicConfiguration(at.topic)
    if (configuration.get('max.message.bytes') === '2000') break
  }
  return { log, at }
}

async function newTopic(kafka: TestKafka, log: KafkaLog, cleanupPolicy: 'delete' | 'compact') {
  const topic = kafka.unique('appended') as TopicName
  await log.createTopics([{ name: topic, partitionCount: 1, cleanupPolicy, retentionMs: null }])
  return { topic, partition: 0 as Partition }
}

type Place = Awaited<ReturnType<typeof newTopic>>

function record(key: string | null, value: string): ProducerRecord {
  const keyBytes = key === null ? null : Buffer.from(key)
  return { key: keyBytes, value: Buffer.from(value), timestampMs: 1_000 }
}

function all(at: Place) {
  return {
    partitions: [{ ...at, offset: 0 as Offset }],
    bytesMax: 1_000_000,
    bytesPerPartitionMax: 1_000_000,
    isolation: 'read_committed',
  } as const
}

async function valuesOf(log: KafkaLog, at: Place): Promise<string[]> {
  const [found] = await log.fetch({ ...all(at), waitMaxMs: 0 })
  return found!.records.map(({ value }) => String(value))
}
