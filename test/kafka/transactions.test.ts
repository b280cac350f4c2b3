/** Transactions on a real broker, in both protocols. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'

import { systemClock } from '../../src/core/clock.ts'
import type { TopicName } from '../../src/core/record.ts'
import type { KafkaCluster } from '../../src/log/kafka/kafka-cluster.ts'
import { committedOffsets } from '../../src/log/kafka/offsets/committed-offsets.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import type { TestKafka } from './support/kafka-for-tests.ts'
import {
  at,
  clusterOf,
  codec,
  contentOf,
  newTopic,
  noGroup,
  position,
  records,
  transactionsOn,
} from './transactions-support.ts'

interface Setting {
  readonly kafka: TestKafka
  readonly cluster: KafkaCluster
  readonly topic: TopicName
  readonly protocolMax: 1 | 2
  readonly t: TestContext
}

function inBothProtocols(name: string, body: (setting: Setting) => Promise<void>): void {
  for (const protocolMax of [1, 2] as const) {
    kafkaTest(`protocol ${protocolMax}: ${name}`, async (kafka, t) => {
      const cluster = await clusterOf(t, kafka)
      const topic = await newTopic(cluster, kafka.unique('facts'))
      await body({ kafka, cluster, topic, protocolMax, t })
    })
  }
}

function offsetsOf(cluster: KafkaCluster, groupId: string, topic: TopicName) {
  const options = { cluster, clock: systemClock, giveUpAfterMs: 20_000 }
  return committedOffsets(groupId, [at(topic, 0), at(topic, 1)], options)
}

inBothProtocols('records and offsets of a transaction are seen together', async (setting) => {
  const { kafka, cluster, topic, protocolMax } = setting
  const transactions = transactionsOn(cluster, { protocolMax })
  const producer = await transactions.producer(kafka.unique('task'))
  const groupId = kafka.unique('group')
  for (let turn = 0; turn < 3; turn++) {
    const transaction = producer.begin()
    transaction.send({ ...at(topic, 0), records: records(`a${turn}`, `b${turn}`) })
    transaction.send({ ...at(topic, 1), records: records(`c${turn}`) })
    transaction.send({ ...at(topic, 0), records: records(`d${turn}`) })
    const [encoded] = codec.encode(records(`e${turn}`), 1_000)
    assert.ok(encoded !== undefined)
    transaction.sendEncoded({ ...at(topic, 0), batch: encoded.bytes, recordCount: 1 })
    const offset = { ...at(topic, 0), offset: position(turn + 7), metadata: `time ${turn}` }
    transaction.sendOffsets(noGroup(groupId), [offset])
    const results = await transaction.commit()
    // Each transaction leaves a marker behind.
    assert.deepEqual(
      results.map((result) => [result.partition, result.baseOffset]),
      [
        [0, turn * 5],
        [1, turn * 2],
        [0, turn * 5 + 2],
        [0, turn * 5 + 3],
      ],
    )
    assert.deepEqual(await offsetsOf(cluster, groupId, topic), [offset, null])
  }
  const { committed } = await contentOf(cluster, topic)
  assert.deepEqual(
    committed,
    [0, 1, 2].flatMap((turn) => ['a', 'b', 'd', 'e'].map((name) => name + turn)),
  )
})
