/** Transactions on a real broker, in both protocols. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'

import { systemClock } from '../../src/core/clock.ts'
import type { TopicName } from '../../src/core/record.ts'
import type { TidemarkError } from '../../src/core/errors.ts'
import type { KafkaCluster } from '../../src/log/kafka/kafka-cluster.ts'
import { committedOffsets } from '../../src/log/kafka/offsets/committed-offsets.ts'
import { ProtocolError } from '../../src/log/kafka/protocol-error.ts'
import type { AppendResult, TransactionalProducer } from '../../src/log/log.ts'
import { kafkaTest } from './support/kafka-for-tests.ts'
import type { TestKafka } from './support/kafka-for-tests.ts'
import {
  around,
  at,
  clusterOf,
  codec,
  contentOf,
  newTopic,
  noGroup,
  position,
  recording,
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
    [0, 1, 2].flatMap((turn) => ['a', 'b', 'd', 'e'].map((name) => `${name}${turn}`)),
  )
})

inBothProtocols('nothing of an aborted transaction is sent', async (setting) => {
  const { kafka, cluster, topic, protocolMax } = setting
  const groupId = kafka.unique('group')
  const producer = await transactionsOn(cluster, { protocolMax }).producer(kafka.unique('task'))
  const aborted = producer.begin()
  aborted.send({ ...at(topic, 0), records: records('no') })
  aborted.sendOffsets(noGroup(groupId), [{ ...at(topic, 0), offset: position(9) }])
  await aborted.abort()
  await assert.rejects(aborted.commit(), { code: 'TRANSACTION_ABORTED' })
  await commit(producer, topic, 'yes')
  assert.deepEqual(await contentOf(cluster, topic), {
    committed: ['yes'],
    aborted: [],
  })
  assert.deepEqual(await offsetsOf(cluster, groupId, topic), [null, null])
})

inBothProtocols('speaks the versions of its protocol', async (setting) => {
  const { kafka, cluster, topic, protocolMax, t } = setting
  const level = await cluster.featureLevel('transaction.version')
  if (level < 2) {
    t.skip(`the broker's transaction.version is ${level}, and older brokers speak older versions`)
    return
  }
  const seen = recording(cluster)
  const producer = await transactionsOn(seen.cluster, { protocolMax }).producer(
    kafka.unique('task'),
  )
  const transaction = producer.begin()
  transaction.send({ ...at(topic, 0), records: records('a') })
  transaction.sendOffsets(noGroup(kafka.unique('group')), [
    { ...at(topic, 0), offset: position(1) },
  ])
  await transaction.commit()
  const second = ['EndTxn 5', 'InitProducerId 5', 'Produce 12', 'TxnOffsetCommit 5']
  const first = [
    'AddOffsetsToTxn 4',
    'AddPartitionsToTxn 3',
    'EndTxn 4',
    'InitProducerId 5',
    'Produce 11',
    'TxnOffsetCommit 4',
  ]
  assert.deepEqual([...new Set(seen.requests)].sort(), protocolMax === 1 ? first : second)
})

inBothProtocols('a second instance fences the first, which never writes again', async (setting) => {
  assert.deepEqual(await zombieAgainstSuccessor(setting, setting.cluster), {
    zombie: ['PRODUCER_FENCED', 'PRODUCER_FENCED'],
    committed: ['first', 'second'],
    requestsOnceFenced: 0,
  })
})

inBothProtocols('negative control: without fencing the zombie writes', async (setting) => {
  const found = await zombieAgainstSuccessor(setting, deafToFences(setting.cluster))
  assert.deepEqual(found.zombie, ['committed', 'committed'])
  assert.deepEqual(found.committed, ['first', 'zombie', 'zombie'])
})

/** A producer, its successor in another instance, and what the first may still do. */
async function zombieAgainstSuccessor(
  { kafka, cluster, topic, protocolMax, t }: Setting,
  clusterOfZombie: KafkaCluster,
): Promise<{ zombie: string[]; committed: string[]; requestsOnceFenced: number }> {
  const id = kafka.unique('task')
  const seen = recording(clusterOfZombie)
  const first = await transactionsOn(seen.cluster, { protocolMax }).producer(id)
  await commit(first, topic, 'first')
  const second = await transactionsOn(await clusterOf(t, kafka), { protocolMax }).producer(id)
  const outcome = () =>
    commit(first, topic, 'zombie').then(
      () => 'committed',
      (thrown: unknown) => (thrown as TidemarkError).code,
    )
  const zombie = [await outcome()]
  const requestsBefore = seen.requests.length
  zombie.push(await outcome())
  const requestsOnceFenced = seen.requests.length - requestsBefore
  // A successor that was itself fenced has nothing to say here.
  await commit(second, topic, 'second').catch(() => undefined)
  const { committed } = await contentOf(cluster, topic)
  return { zombie, committed, requestsOnceFenced }
}

const fences = new Set([47, 90])
const invalidTxnState = 48

/** A client that takes a fence for a transaction that failed, and asks for the id anew as if it had none. */
function deafToFences(cluster: KafkaCluster): KafkaCluster {
  return around(cluster, (kind) => ({
    ...kind,
    versions: kind.versions.map((one) => ({
      version: one.version,
      send: async (connection, request) => {
        const isInit = kind.name === 'InitProducerId'
        const asked = isInit ? { ...request, producerId: -1n, epoch: -1 } : request
        try {
          const answer = await one.send(connection, asked)
          for (const part of Array.isArray(answer) ? (answer as { code: number }[]) : []) {
            if (fences.has(part.code)) part.code = invalidTxnState
          }
          return answer
        } catch (thrown) {
          if (!(thrown instanceof ProtocolError && fences.has(thrown.code))) throw thrown
          throw new ProtocolError(invalidTxnState, kind.name)
        }
      },
    })),
  }))
}

inBothProtocols(
  'a later producer of the same id fences the earlier one in the same log',
  async (setting) => {
    const { kafka, cluster, topic, protocolMax } = setting
    const transactions = transactionsOn(cluster, { protocolMax, transactionalIdOf: () => shared })
    const shared = kafka.unique('instance')
    const zombie = await transactions.producer('a')
    const neighbour = await transactions.producer('b')
    const open = zombie.begin()
    open.send({ ...at(topic, 0), records: records('zombie') })
    const successor = await transactions.producer('a')
    await assert.rejects(open.commit(), { code: 'PRODUCER_FENCED' })
    await assert.rejects(commit(zombie, topic, 'zombie'), { code: 'PRODUCER_FENCED' })
    await commit(neighbour, topic, 'neighbour')
    await commit(successor, topic, 'successor')
    const { committed } = await contentOf(cluster, topic)
    assert.deepEqual(committed, ['neighbour', 'successor'])
  },
)

inBothProtocols('a stable id is taken again after every restart', async (setting) => {
  const { kafka, cluster, topic, protocolMax } = setting
  const id = kafka.unique('task')
  for (let start = 0; start < 4; start++) {
    const transactions = transactionsOn(cluster, { protocolMax })
    const producer = await transactions.producer(id)
    await commit(producer, topic, `start ${start}`)
    if (start % 2 === 0) await producer.close()
    await transactions.close()
  }
  const { committed } = await contentOf(cluster, topic)
  assert.deepEqual(committed, ['start 0', 'start 1', 'start 2', 'start 3'])
})

inBothProtocols(
  'commits that wait share a transaction, each with its own results',
  async (setting) => {
    const { kafka, cluster, topic, protocolMax } = setting
    const transactionalId = kafka.unique('instance')
    const transactions = transactionsOn(cluster, {
      protocolMax,
      transactionalIdOf: () => transactionalId,
    })
    const names = Array.from({ length: 12 }, (_, index) => `task ${index}`)
    const producers = await Promise.all(names.map((name) => transactions.producer(name)))
    for (let turn = 0; turn < 3; turn++) {
      const results = await Promise.all(
        producers.map((producer, index) => commit(producer, topic, `${turn} of ${names[index]}`)),
      )
      const offsets = results.map(([result]) => result?.baseOffset)
      assert.equal(new Set(offsets).size, names.length, 'every caller has an offset of its own')
    }
    const stats = transactions.stats().get(transactionalId)
    assert.equal(stats?.callers, 36)
    assert.ok(stats.transactions <= 6, `${stats.transactions} transactions for 36 commits`)
    const { committed } = await contentOf(cluster, topic)
    assert.equal(committed.length, 36)
  },
)

inBothProtocols('a caller that is refused leaves the others their commit', async (setting) => {
  const { kafka, cluster, protocolMax } = setting
  const configs = [{ name: 'cleanup.policy', value: 'compact' }]
  const topic = await newTopic(cluster, kafka.unique('table'), { configs })
  const transactionalIdOf = () => kafka.unique('instance')
  const transactionalId = transactionalIdOf()
  const transactions = transactionsOn(cluster, {
    protocolMax,
    transactionalIdOf: () => transactionalId,
  })
  const [good, noKey, tooLarge, unknown] = await Promise.all(
    ['good', 'no key', 'too large', 'unknown'].map((id) => transactions.producer(id)),
  )
  assert.ok(good && noKey && tooLarge && unknown)
  const keyless = noKey.begin()
  keyless.send({
    ...at(topic, 1),
    records: [{ key: null, value: Buffer.from('v'), timestampMs: 0 }],
  })
  const outcomes = await Promise.allSettled([
    commit(good, topic, 'good'),
    keyless.commit(),
    commit(tooLarge, topic, 'x'.repeat(2_000_000)),
    commit(unknown, `${topic}-unknown` as TopicName, 'nowhere'),
  ])
  assert.deepEqual(
    outcomes.map((outcome) =>
      outcome.status === 'fulfilled' ? 'committed' : (outcome.reason as TidemarkError).code,
    ),
    ['committed', 'KEY_MISSING', 'RECORD_TOO_LARGE', 'TOPIC_UNKNOWN'],
  )
  const { committed } = await contentOf(cluster, topic)
  assert.deepEqual(committed, ['good'])
})

async function commit(
  producer: TransactionalProducer,
  topic: TopicName,
  value: string,
): Promise<readonly AppendResult[]> {
  const transaction = producer.begin()
  transaction.send({ ...at(topic, 0), records: records(value) })
  return await transaction.commit()
}
