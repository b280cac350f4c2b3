/** Topics on which the broker sets the times of records, where these are event times. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/core/clock.ts'
import { topicName } from '../../src/core/record.ts'
import { stringSerde } from '../../src/core/serde.ts'
import { numberSerde } from '../../src/processors/number-serde.ts'
import { counts, words } from '../../src/runtime/test-support/counting.ts'
import { send, testRuntime, until } from '../../src/runtime/test-support/harness.ts'
import { topicSpecs } from '../../src/runtime/topics.ts'
import { openMemoryStorage } from '../../src/state/memory-backend.ts'
import { defineTopology } from '../../src/topology/define.ts'
import { configureTopic } from './support/configure-topic.ts'
import { kafkaTest, type TestKafka } from './support/kafka-for-tests.ts'
import { ourLogOnly } from './support/our-log.ts'

/** Of topics that say nothing else: as the runtime has it. */
const defaultPartitionCount = 4

kafkaTest(
  'facts that are a changelog, and what is repartitioned, are refused under LogAppendTime until it is mended',
  async (kafka: TestKafka, t: TestContext) => {
    const input = { ...words, name: topicName(kafka.unique('words')), partitionCount: 1 }
    const facts = { ...counts, name: topicName(kafka.unique('facts')), partitionCount: 1 }
    const topology = defineTopology(kafka.unique('counting'), (builder) => {
      const stream = builder.stream('word', input)
      stream.groupByKey('by-word').count('count', { store: 'counts', changelog: facts })
      stream
        .mapValues('time', (word) => word?.atMs ?? null, { valueSerde: numberSerde })
        .groupBy('by-time', (_key, atMs) => `${atMs}`, { keySerde: stringSerde })
        .count('count-times', { store: 'times' })
    })
    const repartition = topology.nodes.find(({ kind }) => kind === 'repartition-source')
    assert.ok(repartition !== undefined && 'topic' in repartition)
    const wrong = [facts.name, repartition.topic.name]
    const { state } = await openMemoryStorage({ clock: systemClock })
    const open = async () => {
      const id = kafka.unique('i')
      const log = await ourLogOnly(t, kafka, { transactions: { transactionalIdOf: () => id } })
      const runtime = testRuntime([topology], { log, state })
      t.after(() => runtime.stop())
      return { log, runtime }
    }
    const { log, runtime } = await open()
    await log.createTopics(topicSpecs([topology], defaultPartitionCount, true))
    const set = async (type: 'LogAppendTime' | 'CreateTime') => {
      for (const name of wrong) {
        await configureTopic(kafka, name, { 'message.timestamp.type': type })
      }
      await until(`the broker knows ${type}`, async () =>
        (await log.describeTopics(wrong)).every(({ timestamps }) => timestamps === type),
      )
    }
    await set('LogAppendTime')
    await assert.rejects(runtime.start(), (thrown: Error) => {
      for (const name of wrong) {
        assert.ok(thrown.message.includes(`topic ${name} has message.timestamp.type LogAppendTime`))
        assert.ok(thrown.message.includes(`--entity-name ${name} --add-config`))
      }
      return 'code' in thrown && thrown.code === 'TOPIC_MISMATCH'
    })
    await set('CreateTime')
    const mended = await open()
    await mended.runtime.start()
    await send(mended.log, input, [{ id: '1', word: 'a', atMs: 1_000 }])
    // Its record, and the one that is repartitioned.
    await until('both are processed', () => mended.runtime.status().totals.processed === 2)
  },
)
