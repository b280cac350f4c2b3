/** How repartition topics are made on a broker: what is purged of them is to leave its disk soon. */
import assert from 'node:assert/strict'
import { present } from '../../src/core/assert.ts'
import { topicName } from '../../src/core/record.ts'
import { stringSerde } from '../../src/core/serde.ts'
import { words as plainWords } from '../../src/runtime/test-support/counting.ts'
import { topicSpecs } from '../../src/runtime/topics.ts'
import { defineTopology } from '../../src/topology/define.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import { ourLogOnly } from './support/our-log.ts'

kafkaTest('a repartition topic is kept for ever in segments that are small', async (kafka, t) => {
  const log = await ourLogOnly(t, kafka)
  const words = { ...plainWords, name: topicName(kafka.unique('words')) }
  const name = kafka.unique('letters')
  const texts = { keySerde: stringSerde, valueSerde: stringSerde }
  const topology = defineTopology(name, (builder) => {
    builder
      .stream('word', words)
      .map('letter', (_key, value) => [value?.word[0] ?? '', value?.id ?? ''], texts)
      .groupByKey('by-letter')
      .count('count', { store: 'kept' })
  })
  await log.createTopics(topicSpecs([topology], 1, true))
  const configurationOf = async (topic: string) => {
    const all = await log.topicConfiguration(topicName(topic))
    return (key: string) => present(all.get(key), key)
  }
  const repartition = await configurationOf(`${name}-by-letter-repartition`)
  assert.equal(repartition('cleanup.policy'), 'delete')
  assert.equal(repartition('retention.ms'), '-1')
  assert.equal(repartition('segment.bytes'), String(50 * 1024 * 1024))
  for (const topic of [words.name, `${name}-kept-changelog`]) {
    const other = await configurationOf(topic)
    assert.notEqual(other('segment.bytes'), repartition('segment.bytes'), `${topic}: its owner's`)
  }
})
