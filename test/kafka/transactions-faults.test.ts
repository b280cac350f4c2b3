/** Transactions on a real broker while answers are lost, processes die and brokers go. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import { systemClock } from '../../src/core/clock.ts'
import { TidemarkError } from '../../src/core/errors.ts'
import type { TopicName } from '../../src/core/record.ts'
import type { KafkaCluster } from '../../src/log/kafka/kafka-cluster.ts'
import { committedOffsets } from '../../src/log/kafka/offsets/committed-offsets.ts'
import type { AppendResult, TransactionalProducer } from '../../src/log/log.ts'
import { clusterForTests, kafkaTest } from './support/kafka-for-tests.ts'
import type { TestKafka } from './support/kafka-for-tests.ts'
import {
  around,
  at,
  clusterOf,
  contentOf,
  cutting,
  hasOpenTransaction,
  newTopic,
  noGroup,
  position,
  recording,
  records,
  transactionsOn,
} from './transactions-support.ts'

const protocols = [1, 2] as const
const cuts = ['before the request', 'before the answer'] as const
const requests = ['InitProducerId', 'Produce', 'TxnOffsetCommit', 'EndTxn'] as const

for (const protocolMax of protocols) {
  for (const cut of cuts) {
    kafkaTest(`protocol ${protocolMax}: every request may be cut ${cut}`, async (kafka, t) => {
      const cluster = await clusterOf(t, kafka)
      for (const request of requests) {
        await goesThrough(kafka, cluster, request, (healthy) => {
          const { cluster: faulty, cuts: count } = cutting(healthy, request, cut, 2)
          return { transactions: transactionsOn(faulty, { protocolMax }), count }
        })
      }
    })
  }

  for (const by of ['the restart', 'a survivor'] as const) {
    kafkaTest(`protocol ${protocolMax}: what a crash left open is aborted by ${by}`, (kafka, t) =>
      crashAndGoOn(kafka, t, protocolMax, by),
    )
  }

  kafkaTest(
    `protocol ${protocolMax}: a commit that the coordinator aborted is never told as success`,
    (kafka, t) => abortedBehindTheBack(kafka, t, protocolMax),
  )
}

/** Three commits, of which one meets the faults: all are there, once, in order. */
async function goesThrough(
  kafka: TestKafka,
  cluster: KafkaCluster,
  request: string,
  make: (cluster: KafkaCluster) => {
    transactions: ReturnType<typeof transactionsOn>
    count: () => number
  },
): Promise<void> {
  const topic = await newTopic(cluster, kafka.unique('facts'))
  const groupId = kafka.unique('group')
  const { transactions, count } = make(cluster)
  const producer = await transactions.producer(kafka.unique('task'))
  for (const turn of [1, 2, 3]) await commit(producer, topic, `turn ${turn}`, groupId, turn)
  assert.equal(count(), 2, `${request} was cut`)
  const { committed } = await contentOf(cluster, topic)
  assert.deepEqual(committed, ['turn 1', 'turn 2', 'turn 3'], request)
  assert.equal(await offsetOf(cluster, groupId, topic), 3)
}

async function crashAndGoOn(
  kafka: TestKafka,
  t: TestContext,
  protocolMax: 1 | 2,
  by: 'the restart' | 'a survivor',
): Promise<void> {
  const cluster = await clusterOf(t, kafka)
  const topic = await newTopic(cluster, kafka.unique('facts'))
  const id = kafka.unique('task')
  const child = fileURLToPath(new URL('transactions-crash.test-child.ts', import.meta.url))
  const args = [child, kafka.servers[0] ?? '', topic, id, String(protocolMax)]
  const process_ = spawn(process.execPath, args, { stdio: 'inherit' })
  const [, signal] = (await once(process_, 'exit')) as [number | null, string | null]
  assert.equal(signal, 'SIGKILL')
  assert.ok(await hasOpenTransaction(cluster, topic), 'the crash left a transaction open')

  const transactions = transactionsOn(cluster, { protocolMax })
  if (by === 'a survivor') {
    assert.equal(await transactions.endAbandoned(id), true)
    assert.equal(await transactions.endAbandoned(id), false)
    assert.equal(await transactions.endAbandoned(kafka.unique('never')), false)
  } else await commit(await transactions.producer(id), topic, 'after the crash')
  assert.equal(await offsetOf(cluster, `${id}-group`, topic), null)
  assert.deepEqual(await contentOf(cluster, topic), {
    committed: by === 'a survivor' ? [] : ['after the crash'],
    aborted: ['dangling'],
  })
}

/** Between the last record and EndTxn another InitProducerId aborts the transaction. */
async function abortedBehindTheBack(
  kafka: TestKafka,
  t: TestContext,
  protocolMax: 1 | 2,
): Promise<void> {
  const cluster = await clusterOf(t, kafka)
  const topic = await newTopic(cluster, kafka.unique('facts'))
  const id = kafka.unique('task')
  const rivals: TransactionalProducer[] = []
  let ends = 0
  const intruded = around(cluster, (kind) => {
    if (kind.name !== 'EndTxn') return kind
    const versions = kind.versions.map((one) => ({
      version: one.version,
      send: async (...args: Parameters<typeof one.send>) => {
        if (++ends === 2) {
          rivals.push(await transactionsOn(cluster, { protocolMax }).producer(id))
        }
        return await one.send(...args)
      },
    }))
    return { ...kind, versions }
  })
  const producer = await transactionsOn(intruded, { protocolMax }).producer(id)
  await commit(producer, topic, 'before')
  await assert.rejects(commit(producer, topic, 'aborted'), { code: 'PRODUCER_FENCED' })
  await assert.rejects(commit(producer, topic, 'late'), { code: 'PRODUCER_FENCED' })
  const [rival] = rivals
  assert.ok(rival !== undefined)
  await commit(rival, topic, 'rival')
  assert.deepEqual(await contentOf(cluster, topic), {
    committed: ['before', 'rival'],
    aborted: ['aborted'],
  })
}

void test('a broker that is killed in mid-commit loses and repeats nothing', async (t) => {
  const kafka = await clusterForTests(t, {})
  if (kafka === undefined) return
  const cluster = await clusterOf(t, kafka)
  const [broker] = kafka.brokers
  assert.ok(broker !== undefined)
  for (const protocolMax of protocols) {
    for (const request of ['Produce', 'EndTxn'] as const) {
      const topic = await newTopic(cluster, kafka.unique('facts'))
      const groupId = kafka.unique('group')
      const down: Promise<void>[] = []
      const killing = around(cluster, (kind) => {
        if (kind.name === request && down.length === 0) {
          down.push(broker.kill().then(() => broker.start()))
        }
        return kind
      })
      const transactions = transactionsOn(killing, { protocolMax, timeoutMs: 60_000 })
      const producer = await transactions.producer(kafka.unique('task'))
      const outcomes: string[] = []
      for (const turn of [1, 2, 3]) {
        outcomes.push(await outcomeOf(commit(producer, topic, `turn ${turn}`, groupId, turn)))
      }
      await Promise.all(down)
      const { committed } = await contentOf(cluster, topic)
      const told = [1, 2, 3].filter((turn) => outcomes[turn - 1] === 'committed')
      assert.deepEqual(
        committed,
        told.map((turn) => `turn ${turn}`),
        `${request}: ${outcomes.join()}`,
      )
      assert.equal(await offsetOf(cluster, groupId, topic), told.at(-1) ?? null)
      assert.equal(told.length, 3, `${request}: ${outcomes.join()}`)
    }
  }
})

void test('a transaction whose time was over is not told as committed before it is', async (t) => {
  const interval = 'transaction.abort.timed.out.transaction.cleanup.interval.ms'
  const kafka = await clusterForTests(t, { overrides: { [interval]: 200 } })
  if (kafka === undefined) return
  const cluster = await clusterOf(t, kafka)
  for (const protocolMax of protocols) {
    const topic = await newTopic(cluster, kafka.unique('facts'))
    let stable: Promise<unknown> | null = null
    const late = around(cluster, (kind) => {
      if (kind.name !== 'EndTxn') return kind
      const versions = kind.versions.map((one) => ({
        version: one.version,
        send: async (...args: Parameters<typeof one.send>) => {
          // Of the first transaction; the request is repeated when it has waited for too long.
          await (stable ??= contentOf(cluster, topic))
          return await one.send(...args)
        },
      }))
      return { ...kind, versions }
    })
    const transactions = transactionsOn(late, { protocolMax, timeoutMs: 2_000 })
    const producer = await transactions.producer(kafka.unique('task'))
    const outcome = await outcomeOf(commit(producer, topic, 'late'))
    const { committed, aborted } = await contentOf(cluster, topic)
    assert.deepEqual(aborted, ['late'])
    // It goes again where the coordinator lets the producer go on.
    assert.deepEqual(committed, outcome === 'committed' ? ['late'] : [])
    assert.match(outcome, /committed|PRODUCER_FENCED/)
  }
})

for (const level of [0, 1]) {
  void test(`a broker with transaction.version ${level} is spoken to in the first protocol`, async (t) => {
    const kafka = await clusterForTests(t, { features: { 'transaction.version': level } })
    if (kafka === undefined) return
    const cluster = await clusterOf(t, kafka)
    assert.equal(await cluster.featureLevel('transaction.version'), level)
    const topic = await newTopic(cluster, kafka.unique('facts'))
    const groupId = kafka.unique('group')
    const seen = recording(cluster)
    const id = kafka.unique('task')
    const first = await transactionsOn(seen.cluster).producer(id)
    await commit(first, topic, 'first', groupId, 1)
    const second = await transactionsOn(seen.cluster).producer(id)
    await assert.rejects(commit(first, topic, 'zombie', groupId, 9), { code: 'PRODUCER_FENCED' })
    await commit(second, topic, 'second', groupId, 2)
    assert.deepEqual((await contentOf(cluster, topic)).committed, ['first', 'second'])
    assert.equal(await offsetOf(cluster, groupId, topic), 2)
    assert.ok(seen.requests.includes('EndTxn 4') && !seen.requests.includes('EndTxn 5'))
    assert.ok(!seen.requests.includes('Produce 12'))
  })
}

async function commit(
  producer: TransactionalProducer,
  topic: TopicName,
  value: string,
  groupId = 'nobody',
  offset: number | null = null,
): Promise<readonly AppendResult[]> {
  const transaction = producer.begin()
  transaction.send({ ...at(topic, 0), records: records(value) })
  if (offset !== null) {
    transaction.sendOffsets(noGroup(groupId), [{ ...at(topic, 0), offset: position(offset) }])
  }
  return await transaction.commit()
}

function outcomeOf(committing: Promise<unknown>): Promise<string> {
  return committing.then(
    () => 'committed',
    (thrown: unknown) => {
      if (!(thrown instanceof TidemarkError)) throw thrown
      return thrown.code
    },
  )
}

async function offsetOf(
  cluster: KafkaCluster,
  groupId: string,
  topic: TopicName,
): Promise<number | null> {
  const options = { cluster, clock: systemClock, giveUpAfterMs: 60_000 }
  const [offset] = await committedOffsets(groupId, [at(topic, 0)], options)
  return offset?.offset ?? null
}
