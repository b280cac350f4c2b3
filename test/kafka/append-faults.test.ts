/** Appends and fetches while connections are cut and brokers die: every record once, in order. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { systemClock } from '../../src/core/clock.ts'
import type { Offset, Partition, TopicName } from '../../src/core/record.ts'
import { openKafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import type { KafkaLog } from '../../src/log/kafka/open-kafka-log.ts'
import { clusterForTests } from './support/kafka-for-tests.ts'
import type { TestCluster } from './support/kafka-for-tests.ts'

const partitionCount = 3
const roundsPerFault = 60

type Fault = (kafka: TestCluster, topic: TopicName, round: number) => Promise<void>

/** One round of each in turn; all is healed at its end. */
const faults: Record<string, Fault> = {
  'no fault': () => Promise.resolve(),
  'connections cut in the middle of requests': async (kafka, _topic, round) => {
    if (round % 5 === 0) for (const broker of kafka.brokers) broker.proxy?.cut()
  },
  'a leader killed and started again': async (kafka, topic, round) => {
    if (round === 10) await (await kafka.leaderOf(topic, 0)).kill()
    if (round === 40) {
      for (const broker of kafka.brokers) if (broker.pid === undefined) await broker.start()
    }
  },
  'a leader stopped in an orderly way': async (kafka, topic, round) => {
    if (round === 10) await (await kafka.leaderOf(topic, 1)).stop()
    if (round === 40) {
      for (const broker of kafka.brokers) if (broker.pid === undefined) await broker.start()
    }
  },
}

void test('every record is appended once and in order', async (t) => {
  const kafka = await clusterForTests(t, { brokers: 3, proxied: true })
  if (kafka === undefined) return
  const log = await openKafkaLog({
    bootstrapServers: kafka.servers,
    clientId: 'test',
    clock: systemClock,
    limits: { requestTimeoutMs: 10_000 },
  })
  t.after(() => log.close())
  for (const [name, fault] of Object.entries(faults)) {
    await t.test(`with ${name}`, async () => {
      const topic = kafka.unique('counted') as TopicName
      await log.createTopics([
        { name: topic, partitionCount, cleanupPolicy: 'delete', retentionMs: null },
      ])
      const reading = Promise.all(
        Array.from({ length: partitionCount }, (_, index) => follow(log, topic, index)),
      )
      const sent = await appendThrough(kafka, log, topic, fault)
      const read = await reading
      assert.deepEqual(read, sent)
    })
  }
})

async function appendThrough(kafka: TestCluster, log: KafkaLog, topic: TopicName, fault: Fault) {
  const sent: string[][] = Array.from({ length: partitionCount }, () => [])
  const under: Promise<unknown>[] = []
  for (let round = 0; round < roundsPerFault; round++) {
    await fault(kafka, topic, round)
    const batches = sent.map((values, index) => {
      const value = `${round}`
      values.push(value)
      const record = { key: null, value: Buffer.from(value), timestampMs: 1 }
      return { topic, partition: index as Partition, records: [record] }
    })
    under.push(log.append(batches))
    // A few at a time, so that some are always on their way.
    if (under.length >= 3) await under.shift()
  }
  await Promise.all(under)
  await log.append(
    sent.map((_values, index) => ({
      topic,
      partition: index as Partition,
      records: [{ key: null, value: Buffer.from('end'), timestampMs: 1 }],
    })),
  )
  return sent
}

/** Reads until the record that ends it. */
async function follow(log: KafkaLog, topic: TopicName, index: number) {
  const values: string[] = []
  for (let offset = 0 as Offset; values.at(-1) !== 'end';) {
    const [found] = await log.fetch({
      partitions: [{ topic, partition: index as Partition, offset }],
      bytesMax: 100_000,
      bytesPerPartitionMax: 100_000,
      waitMaxMs: 1_000,
      isolation: 'read_committed',
    })
    values.push(...found!.records.map(({ value }) => String(value)))
    offset = found!.nextOffset
  }
  return values.slice(0, -1)
}
